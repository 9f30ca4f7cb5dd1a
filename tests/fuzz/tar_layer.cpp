#include "mosb/agent/tar_layer.h"

#include <sys/mman.h>

#include "fuzz.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/unique_fd.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

UniqueFd in_memory(std::span<const std::byte> bytes) {
  UniqueFd file(::memfd_create("tar", MFD_CLOEXEC));
  fuzz::require(file.get() >= 0 && sys::write_all(file.get(), bytes).has_value());
  return file;
}

std::string path_of(const UniqueFd& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

}  // namespace

/// The same tar as two layers, so that whiteouts and symlinks have something below them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const UniqueFd from = in_memory(std::as_bytes(std::span(data, size)));
  agent::LayerTree tree;
  const auto below = [&](std::size_t) { return Result<std::string>(path_of(from)); };
  for (int layer = 0; layer < 2; ++layer) {
    const UniqueFd to = in_memory({});
    const auto written =
        agent::write_overlay_tar(path_of(from), path_of(to), tree, below, ByteCount{1 * kMiB});
    if (!written) {
      break;
    }
    // What was written is a layer that can be written again, but for its whiteouts.
    agent::LayerTree alone;
    const UniqueFd again = in_memory({});
    const auto copied =
        agent::write_overlay_tar(path_of(to), path_of(again), alone, below, ByteCount{2 * kMiB});
    fuzz::require(copied ? copied->entries == written->entries
                         : copied.error().message().find("device 0:0") != std::string::npos);
  }
  return 0;
}
