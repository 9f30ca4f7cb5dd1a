// mosb-squashfs-server ROOT_HASH SIZE UID_BASE GID_BASE COUNT trusted|user [dm]: one layer as a
// directory tree with shifted owners, every block checked when it is read, or with "dm" by the
// kernel, whose dm-verity device it is given instead of the layer's file. "trusted" or "user" says
// as which attributes overlayfs finds its marks. Started like mosb-layer-server.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <malloc.h>

#include "mosb/base/number.h"
#include "verity/fuse_server.h"
#include "verity/squashfs_tree.h"

namespace {

using namespace mosb;
using namespace mosb::verity;

constexpr std::size_t kCacheSize = 2 * kMiB;
/// Two threads, each with a window of 1 MiB, a decompressor and blocks on their way to the cache.
constexpr ByteCount kMemory{192 * kMiB};

Result<IdShift> parse_ids(const char* uid_base, const char* gid_base, const char* count) {
  // The last id stands for "no change" in chown(2).
  constexpr std::uint64_t kMaxId = UINT32_MAX - 1;
  const auto first_uid = MOSB_TRY(parse_uint(uid_base, 0, kMaxId));
  const auto first_gid = MOSB_TRY(parse_uint(gid_base, 0, kMaxId));
  const std::uint64_t room = kMaxId - std::max(first_uid, first_gid) + 1;
  const auto ids = MOSB_TRY(parse_uint(count, IdShift::kNobody + 1, room));
  return IdShift{.uid_base = static_cast<std::uint32_t>(first_uid),
                 .gid_base = static_cast<std::uint32_t>(first_gid),
                 .count = static_cast<std::uint32_t>(ids)};
}

std::optional<OverlayAttributes> parse_overlay(std::string_view word) {
  if (word == "trusted") {
    return OverlayAttributes::kTrusted;
  }
  return word == "user" ? std::optional(OverlayAttributes::kUser) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const auto overlay = argc >= 7 ? parse_overlay(argv[6]) : std::nullopt;
  const bool over_dm = argc == 8 && std::string_view(argv[7]) == "dm";
  if (!overlay || (argc != 7 && !over_dm)) {
    refuse_to_serve(Error(Errc::kUsage,
                          "usage: mosb-squashfs-server ROOT_HASH SIZE UID_BASE GID_BASE COUNT "
                          "trusted|user [dm]"));
  }
  const auto layer = ServedLayer::parse(argv[1], argv[2], over_dm);
  if (!layer) {
    refuse_to_serve(layer.error());
  }
  const auto ids = parse_ids(argv[3], argv[4], argv[5]);
  if (!ids) {
    refuse_to_serve(ids.error());
  }
  // Blocks come and go by the thousand; giving their memory back each time costs more than it.
  (void)mallopt(M_MMAP_THRESHOLD, 4 * kMiB);
  (void)mallopt(M_TRIM_THRESHOLD, 8 * kMiB);
  const auto cache = std::make_shared<BlockCache>(kCacheSize);
  serve_layer(
      *layer,
      {.memory = kMemory, .make_handler = [&](const VerifiedReader& reader, FaultLog& faults) {
         return make_squashfs_tree(reader, faults, cache, *ids, *overlay);
       }});
}
