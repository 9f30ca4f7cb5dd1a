#include "mosb/cli/progress.h"

#include <chrono>
#include <cstdio>
#include <memory>

#include "mosb/cli/progress_bars.h"

namespace mosb::cli {

namespace {

constexpr double kMega = 1e6;

}  // namespace

oci::Progress progress_reporter(const Session& session) {
  if (session.quiet || session.progress == "none") {
    return {};
  }
  if (session.shows_bar()) {
    return [bars = std::make_shared<ProgressBars>()](
               const Digest& layer, ByteCount done, ByteCount total) {
      const std::string text =
          bars->update(layer.hex().substr(0, 12), done, total, std::chrono::steady_clock::now());
      (void)std::fwrite(text.data(), 1, text.size(), stderr);
    };
  }
  if (session.progress == "auto" && session.format() == Output::kJson) {
    return {};
  }
  return [](const Digest& layer, ByteCount done, ByteCount total) {
    if (done.value == total.value) {
      (void)std::fprintf(stderr,
                         "fetched %s (%.1f MB)\n",
                         layer.hex().substr(0, 12).c_str(),
                         static_cast<double>(total.value) / kMega);
    }
  };
}

}  // namespace mosb::cli
