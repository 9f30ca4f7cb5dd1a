#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/filesystem.h"
#include "verity/root_hash.h"
#include "verity/root_hash_signature.h"

namespace mosb::verity {

/// One layer to mount: an image of a file system with its hash tree behind it. Whoever makes one
/// vouches for the root hash, the size and the file system; here everything else follows from
/// these.
struct LayerSource {
  std::string blob_path;
  /// Of the whole blob, as signed.
  ByteCount size;
  RootHash root_hash;
  /// The blob's own digest, for messages and reports.
  Digest digest;
  /// As the signed media type has it.
  Filesystem filesystem;
  /// From the signed manifest, too. Of a layer that is to be mounted over dm-verity: what the
  /// kernel is given, and without which its device is not taken for this layer's.
  std::optional<RootHashSignature> signature = std::nullopt;
};

/// Who checks the blocks of a layer when they are read.
enum class Verifier {
  /// The kernel's dm-verity where there is one, else a server. Nothing is ever mounted as this.
  kAuto,
  /// A server of ours, below a loop device.
  kFuse,
  /// The kernel's dm-verity, above one.
  kDm,
};

/// When dm-verity is given a layer's signature of its root hash, which it checks by the kernel's
/// own keyrings.
enum class RootHashSignatures {
  /// Where the kernel demands one (dm_verity.require_signatures).
  kIfDemanded,
  /// Wherever a layer has one and dm-verity checks it. The kernel must have the signer's key then.
  kIfPresent,
  /// Always: no layer is mounted without.
  kRequired,
};

/// Where mounts are kept and who serves them.
struct MountEnvironment {
  /// Of this mount namespace alone, mode 0700, e.g. "/run/mosb"; the directory that it is in
  /// exists. Layers lie in `layers`, records in `images` below it.
  std::string run_dir;
  /// The folder of mosb-layer-server and mosb-squashfs-server.
  std::string libexec_dir;
  /// 8 hex digits that every cgroup and mount source of this instance carries.
  std::string instance;
  /// For what is mounted from now on.
  Verifier verifier = Verifier::kAuto;
  /// For what is mounted from now on; kRequired for what is to be found mounted as well.
  RootHashSignatures signatures = RootHashSignatures::kIfDemanded;
  /// Shift user ids in the server even where the kernel could do it.
  bool force_userspace_view = false;
  /// What the cgroups of layers end with, where several mount namespaces have servers of their own
  /// for one layer.
  std::string cgroup_suffix = {};
  /// Whether this process is root of a user namespace other than the host's. The kernel mounts
  /// nothing from devices then, and overlayfs takes its marks from `user.overlay.*`.
  bool in_user_namespace = false;
};

/// Ids 0 … count-1 of a file system show as host_base … host_base+count-1.
struct IdRange {
  std::uint32_t host_base = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

}  // namespace mosb::verity
