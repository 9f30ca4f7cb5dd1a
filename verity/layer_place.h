#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/layer.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// Where one layer has its mount, its server's status and its cgroup: as the kernel's file system
/// shows it, below or above whoever checks it, or as a server with shifted ids does.
struct LayerPlace {
  std::string dir;
  /// Of its server; "" with the kernel's file system over dm-verity, which needs none.
  std::string cgroup;
  /// How the names of its dm-verity devices begin; "" where a server checks.
  std::string verity;

  bool has_server() const { return !cgroup.empty(); }
  bool has_verity() const { return !verity.empty(); }
  std::string mount() const { return dir + "/mnt"; }
  /// Where an id-mapped copy of the mount is attached while an overlay is made from it.
  std::string idmapped() const { return dir + "/idmapped"; }
  std::string status() const { return dir + "/status"; }
  /// What was found out about a verity device that met a bad block (bad_block_notes.h).
  std::string notes() const { return dir + "/bad-blocks"; }
};

/// How an image's layers are shown: by the kernel, or with ids shifted by their servers.
struct LayerDisplay {
  std::optional<IdRange> idmap;
  /// Servers show the squashfs layers.
  bool userspace_view = false;
  Verifier verifier = Verifier::kFuse;
  /// Whether a server, and not the kernel, shows a layer of this file system.
  bool is_served(Filesystem filesystem) const {
    return userspace_view && filesystem == Filesystem::kSquashfs;
  }
  /// The ids that a server shows: all of them as they are, without an idmap.
  IdRange shown_ids() const { return idmap.value_or(IdRange{0, 0xffffffff}); }
  bool operator==(const LayerDisplay&) const = default;
};

/// The names in one of these directories; none if it was not made yet.
Result<std::vector<std::string>> names_in(const std::string& dir);
std::string layers_dir(const MountEnvironment& environment);
/// Records of mounted images.
std::string images_dir(const MountEnvironment& environment);
LayerPlace kernel_place(const MountEnvironment& environment, const RootHash& root_hash);
/// Within the kernel place's directory, named "dm": the same over dm-verity.
LayerPlace verity_place(const MountEnvironment& environment, const RootHash& root_hash);
/// Within the kernel place's directory, named "view-<base>-<count>".
LayerPlace view_place(const MountEnvironment& environment,
                      const RootHash& root_hash,
                      const IdRange& range);
/// The same where the server reads from a dm-verity device: "dm-view-<base>-<count>".
LayerPlace verity_view_place(const MountEnvironment& environment,
                             const RootHash& root_hash,
                             const IdRange& range);
/// The kernel's place and those within a layer's directory, the inner ones first.
Result<std::vector<LayerPlace>> list_places(const MountEnvironment& environment,
                                            const RootHash& root_hash);
/// The same of all layers, whether or not anything is mounted there.
Result<std::vector<LayerPlace>> list_places(const MountEnvironment& environment);
LayerPlace place_of(const MountEnvironment& environment,
                    const LayerDisplay& display,
                    const LayerSource& layer);
/// What a served file system shows as its source: "mosb-<instance>:<root hash>:<size>". Over
/// dm-verity ":" and the end of the device's name, behind LayerPlace::verity, follow.
std::string layer_source_name(const MountEnvironment& environment,
                              const RootHash& root_hash,
                              ByteCount size);

}  // namespace mosb::verity
