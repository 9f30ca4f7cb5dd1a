#pragma once

#include <string>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "verity/mount_api.h"
#include "verity/mount_plan.h"

namespace mosb::verity {

/// A layer whose blob was found to be what its root hash says, as far as can be told before
/// reading it all: superblock, upper hash blocks, the image's own kind and size.
struct CheckedLayer {
  LayerStep step;
  UniqueFd blob;
  ByteCount data_size;
  Salt salt;
};

/// Opens and checks the blob, wholly if blocks of it failed before. Mounts nothing. Errors:
/// kVerity, kNotFound.
Result<CheckedLayer> check_layer(const LayerStep& step);

/// Mounts the layer in the kernel's own file system: the server's FUSE file becomes a loop device,
/// the loop device a file system. Only the last step is visible; whatever stops it before, nothing
/// stays but the place's directories.
Status mount_in_kernel(const CheckedLayer& layer,
                       const MountEnvironment& environment,
                       MountApi& api);

/// Mounts the layer in the kernel's own file system over the kernel's own dm-verity: the blob
/// becomes a loop device, that one a verity device, that one a file system. The kernel takes all of
/// them away when the last mount of the file system goes.
Status mount_over_verity(const CheckedLayer& layer, MountApi& api);

/// Mounts the layer as a file system that the server itself shows with shifted ids.
Status mount_as_view(const CheckedLayer& layer,
                     const IdRange& range,
                     const MountEnvironment& environment,
                     MountApi& api);

/// The same with a server that reads from the kernel's own dm-verity. The device goes with the
/// server, which has it open.
Status mount_as_verity_view(const CheckedLayer& layer,
                            const IdRange& range,
                            const MountEnvironment& environment,
                            MountApi& api);

/// Unmounts what is at the place, ends a server that nobody uses any more and removes the place's
/// directory, unless views are in it, and cgroup. A file system that somebody else still has
/// mounted keeps its server, and the place stays for a later call.
Status remove_place(const LayerPlace& place, MountApi& api);

/// Errors: kHost without FUSE.
Result<UniqueFd> open_fuse();
/// An O_PATH descriptor of a directory, without following a symlink at its end.
Result<UniqueFd> open_directory(const std::string& path);

}  // namespace mosb::verity
