#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "verity/bad_block_notes.h"
#include "verity/layer.h"
#include "verity/mount_api.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// An image as it shall be mounted: an overlay over verified layers.
struct ImageMount {
  enum class Write {
    /// Nothing can be written.
    kReadOnly,
    /// What is written lies in a tmpfs that goes with the mount.
    kTmpfs,
    /// What is written stays in upper_dir.
    kUpper,
  };

  /// Bottom first, 1 to kMaxLayers.
  std::vector<LayerSource> layers;
  /// An existing directory.
  std::string target;
  /// nullopt: the ids in the layers are the host's own.
  std::optional<IdRange> idmap = std::nullopt;
  Write write = Write::kReadOnly;
  /// kUpper: an existing directory that is not on an overlay; `upper` and `work` are made in it.
  std::string upper_dir = {};
  /// kTmpfs: the most that can be written; nullopt: the kernel's default, half of the memory.
  std::optional<ByteCount> tmpfs_size = std::nullopt;
  /// What list_mounts() shall call it, e.g. the image's reference; makes no difference otherwise.
  std::string label = {};
  /// Absolute, normalised paths of regular files, in any order, that are there and empty where the
  /// image has nothing: to bind files over in a read-only image. Owned by root with mode 0644,
  /// their directories 0755. Whatever the image has there, a whiteout or a symlink too, wins.
  std::vector<std::string> mount_points = {};
};

constexpr std::size_t kMaxLayers = 64;

struct LayerState {
  Digest digest;
  RootHash root_hash;
  /// "/dev/loop3", "/dev/dm-3", or the server's file system ("fuse 0:57") where it shifts the ids
  /// itself.
  std::string device;
  /// Blocks failed their check, or nothing serves the layer any more.
  bool corrupt = false;
  /// Why, in words; "" if not corrupt.
  std::string detail;
  Filesystem filesystem = Filesystem::kSquashfs;
  /// The first data blocks that failed their check, where that is known.
  std::vector<std::uint64_t> bad_blocks = {};
  /// Of the whole blob.
  ByteCount size = {};
  /// The verity device met a bad block, and nobody has looked yet which.
  std::optional<SilentFault> silent_fault = std::nullopt;
  /// The kernel checked a signature of the root hash by its own keyrings when it made the device.
  bool root_hash_signed = false;
};
/// Says of a layer with a silent fault which blocks of its file are bad. None: it reads well again.
void add_bad_blocks(LayerState& layer, std::vector<std::uint64_t> blocks);

struct MountState {
  std::string target;
  std::string label;
  std::vector<LayerState> layers;
  bool writable = false;
  std::optional<IdRange> idmap;
  /// "fuse-verity" or "dm-verity".
  std::string verified_by;
};

/// Mounts the image, or finds that exactly it is mounted and healthy and then changes nothing.
/// Layers are shared between images; one that is unhealthy is mounted anew. On failure what this
/// call made is gone again. Takes run_dir/mount.lock.
/// Errors: kVerity for a layer that does not fit its root hash (nothing is mounted then), kBusy if
/// another image of this instance is mounted at the target or its old mount is in use, kResource
/// without a free loop device, kHost for what the kernel lacks, kNotFound without a target or blob.
Status mount_image(const ImageMount& image, const MountEnvironment& environment, MountApi& api);
/// The same through the kernel.
Status mount_image(const ImageMount& image, const MountEnvironment& environment);

/// Unmounts what mount_image() mounted at `target` and every layer that nobody uses any more.
/// Errors: kNotFound if there is no such mount, kBusy while it is in use.
Status unmount_image(const std::string& target, const MountEnvironment& environment, MountApi& api);
Status unmount_image(const std::string& target, const MountEnvironment& environment);

/// The same for several: layers are looked through once. Targets without such a mount are no error.
/// The first failure ends it; what was unmounted by then stays so.
Status unmount_images(const std::vector<std::string>& targets, const MountEnvironment& environment);

/// Every image mounted by this instance, as the kernel has it. Reads nothing through the mounts.
Result<std::vector<MountState>> list_mounts(const MountEnvironment& environment);

/// What other mount namespaces have mounted, by their records in `run_dir` and below it
/// (mount_namespace.h): targets, labels and layers. The kernel does not vouch for them here.
Result<std::vector<MountState>> list_mounts_elsewhere(const MountEnvironment& environment,
                                                      const std::string& run_dir);

/// Whether exactly this image is mounted at its target and all its layers are healthy. Changes
/// nothing and reads nothing through the mount.
Result<bool> is_mounted_as(const ImageMount& image, const MountEnvironment& environment);

/// Removes what a killed process left: half-made mounts, layers without an image, servers without a
/// mount, records of mounts that are gone. Safe at any time.
Status collect_garbage(const MountEnvironment& environment, MountApi& api);
Status collect_garbage(const MountEnvironment& environment);

/// "" if this kernel can shift the ids of such a mount, else why not. Tries it on a tiny image;
/// errors: kResource, kHost if it lacks the file system.
Result<std::string> idmap_obstacle(Filesystem filesystem);

}  // namespace mosb::verity
