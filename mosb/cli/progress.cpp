#include "mosb/cli/progress.h"

#include <chrono>
#include <cstdio>
#include <memory>

namespace mosb::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// When the bar was last drawn, and for which layer.
struct Bar {
  std::string layer;
  Clock::time_point started;
  Clock::time_point drawn;
};

constexpr double kMega = 1e6;

void draw(Bar& bar, const std::string& layer, ByteCount done, ByteCount total) {
  const Clock::time_point now = Clock::now();
  if (bar.layer != layer) {
    bar = {layer, now, {}};
  }
  const bool finished = done.value == total.value;
  if (!finished && now - bar.drawn < std::chrono::milliseconds(100)) {
    return;
  }
  bar.drawn = now;
  const double seconds = std::chrono::duration<double>(now - bar.started).count();
  const double part =
      total.value == 0 ? 1 : static_cast<double>(done.value) / static_cast<double>(total.value);
  constexpr int kCells = 24;
  const int filled = static_cast<int>(part * kCells);
  (void)std::fprintf(stderr,
                     "\r%s [%.*s%*s] %3d %%  %.1f MB/s ",
                     layer.c_str(),
                     filled,
                     "########################",
                     kCells - filled,
                     "",
                     static_cast<int>(part * 100),
                     seconds > 0 ? static_cast<double>(done.value) / kMega / seconds : 0.0);
  if (finished) {
    (void)std::fputc('\n', stderr);
  }
}

}  // namespace

oci::Progress progress_reporter(const Session& session) {
  if (session.quiet || session.progress == "none") {
    return {};
  }
  if (session.shows_bar()) {
    return [bar = std::make_shared<Bar>()](const Digest& layer, ByteCount done, ByteCount total) {
      draw(*bar, layer.hex().substr(0, 12), done, total);
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
