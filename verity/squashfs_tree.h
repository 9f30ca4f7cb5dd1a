#pragma once

#include <cstdint>
#include <memory>

#include "mosb/base/result.h"
#include "verity/block_cache.h"
#include "verity/fault_log.h"
#include "verity/fuse_connection.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

/// How owners in the image become owners on the host: id i below `count` is base + i; all others
/// are what 65534 ("nobody") is.
struct IdShift {
  static constexpr std::uint32_t kNobody = 65'534;

  std::uint32_t uid_base;
  std::uint32_t gid_base;
  std::uint32_t count;

  std::uint32_t uid(std::uint32_t id) const { return uid_base + (id < count ? id : kNobody); }
  std::uint32_t gid(std::uint32_t id) const { return gid_base + (id < count ? id : kNobody); }
};

/// As which attributes a tree shows those by which overlayfs hides what lies below.
enum class OverlayAttributes {
  /// As they are in the image: `trusted.overlay.*`.
  kTrusted,
  /// As `user.overlay.*`, which is where an overlay in a user namespace looks. The image's own of
  /// that name are not shown then: they could hide and redirect what they please.
  kUser,
};

/// A FUSE mount that shows a layer's squashfs image with shifted owners, where the kernel cannot do
/// it. Of extended attributes it shows user.* and those by which overlayfs hides what lies below;
/// file capabilities it does not: they were meant for other ids.
/// Errors: as SquashfsView::open(), kResource.
Result<std::unique_ptr<FuseHandler>> make_squashfs_tree(const VerifiedReader& reader,
                                                        FaultLog& faults,
                                                        std::shared_ptr<BlockCache> cache,
                                                        const IdShift& ids,
                                                        OverlayAttributes overlay);

}  // namespace mosb::verity
