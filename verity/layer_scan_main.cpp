// mosb-layer-scan FILESYSTEM ROOT_HASH SIZE: looks through a layer's file system, which must be a
// squashfs or an erofs as the layer's media type says, before anything mounts it, and says what it
// found.
// mosb-layer-scan FILESYSTEM ROOT_HASH SIZE BLOCK…: says what these data blocks are used for.
// Started by layer_scanner.cpp.

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/prctl.h>
#include <unistd.h>

#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "verity/block_owner.h"
#include "verity/erofs_locate.h"
#include "verity/erofs_scan.h"
#include "verity/geometry.h"
#include "verity/layer_filesystem.h"
#include "verity/layer_scan.h"
#include "verity/layer_scanner.h"
#include "verity/server_sandbox.h"
#include "verity/squashfs_locate.h"
#include "verity/squashfs_scan.h"

namespace {

using namespace mosb;
using namespace mosb::verity;

[[noreturn]] void answer(const std::string& text) {
  const auto written = sys::write_all(ScannerFds::kAnswer, std::as_bytes(std::span(text)));
  ::_exit(written ? 0 : 1);
}

Status enter_sandbox() {
  const ServerLimits::User user = MOSB_TRY(user_of_server());
  MOSB_CHECK(drop_privileges({.address_space = kScannerMemory,
                              .highest_fd = ScannerFds::kAnswer,
                              .processor_time = kScannerProcessorTime,
                              .user = user}));
  // After the change of user, which takes it back.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) {
    return Error::sys("sandbox: end with the caller", errno).as(Errc::kHost);
  }
  return restrict_system_calls(ScannerFds::kBlob);
}

std::string scan(const VerifiedReader& reader) {
  return reader.filesystem() == Filesystem::kErofs ? scan_erofs(reader) : scan_squashfs(reader);
}

std::string locate(const VerifiedReader& reader, const std::vector<std::uint64_t>& blocks) {
  return reader.filesystem() == Filesystem::kErofs ? locate_in_erofs(reader, blocks)
                                                   : locate_in_squashfs(reader, blocks);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 4 + static_cast<int>(kMaxLocated)) {
    answer(failed_answer("usage: mosb-layer-scan FILESYSTEM ROOT_HASH SIZE [BLOCK…]"));
  }
  const auto filesystem = parse_filesystem(argv[1]);
  const auto root_hash = RootHash::parse(argv[2]);
  const auto size = parse_uint(argv[3], 1, kMaxLayerSize.value);
  if (!filesystem || !root_hash || !size) {
    answer(failed_answer("no file system, no root hash, or no size"));
  }
  std::vector<std::uint64_t> blocks;
  for (int i = 4; i < argc; ++i) {
    const auto block = parse_uint(argv[i], 0, *size / kBlockSize);
    if (!block) {
      answer(failed_answer("no block of the layer"));
    }
    blocks.push_back(*block);
  }
  const Status sandboxed = enter_sandbox();
  if (!sandboxed) {
    answer(failed_answer(sandboxed.error().message()));
  }
  const auto reader = VerifiedReader::open(ScannerFds::kBlob, ByteCount{*size}, *root_hash);
  if (!reader) {
    answer(refused_answer("", reader.error().message()));
  }
  const Status kind = require_filesystem(reader->filesystem(), *filesystem);
  if (!kind) {
    answer(refused_answer("", kind.error().message()));
  }
  answer(blocks.empty() ? scan(*reader) : locate(*reader, blocks));
}
