#pragma once

#include <cstdint>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// One layer to mount: a squashfs image with its hash tree behind it. Whoever makes one vouches for
/// the root hash and the size; here everything else follows from these two.
struct LayerSource {
  std::string blob_path;
  /// Of the whole blob, as signed.
  ByteCount size;
  RootHash root_hash;
  /// The blob's own digest, for messages and reports.
  Digest digest;
};

/// Where mounts are kept and who serves them.
struct MountEnvironment {
  /// Exists, mode 0700, e.g. "/run/mosb". Layers lie in `layers`, records in `images` below it.
  std::string run_dir;
  /// The folder of mosb-layer-server and mosb-squashfs-server.
  std::string libexec_dir;
  /// 8 hex digits that every cgroup and mount source of this instance carries.
  std::string instance;
  /// Shift user ids in the server even where the kernel could do it.
  bool force_userspace_view = false;
};

/// Ids 0 … count-1 of a file system show as host_base … host_base+count-1.
struct IdRange {
  std::uint32_t host_base = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

}  // namespace mosb::verity
