#pragma once

#include <optional>
#include <string>

#include "mosb/base/result.h"
#include "verity/layer_place.h"
#include "verity/loop_device.h"
#include "verity/mount_table.h"
#include "verity/server_state.h"
#include "verity/verity_device.h"

namespace mosb::verity {

/// What the kernel says about a layer's mount, whoever made it. Reading it touches no served file.
struct LayerFacts {
  /// What is on top at the place's mount point.
  std::optional<MountEntry> mount;
  /// Of the loop device that it is mounted from, directly or by way of dm-verity, if it is.
  std::optional<LoopFacts> loop;
  ServerState server;
  /// Of the dm-verity device that it is mounted from, or that its server reads from, if the place
  /// has one.
  std::optional<VerityFacts> verity;
};

Result<LayerFacts> read_layer_facts(const LayerPlace& place, const MountTable& table);

/// "/dev/loop3", "/dev/dm-3", or "fuse 0:57".
std::string device_name(const std::string& device);

/// Why bytes of the layer cannot be had; "" if they can.
std::string server_complaint(const ServerState& server);
/// Why the mount cannot be used as the kernel's own view of the layer; "" if it can. Pure.
std::string kernel_complaint(const LayerFacts& facts, const LayerSource& layer);
/// The same over dm-verity. Pure.
std::string verity_complaint(const LayerFacts& facts, const LayerSource& layer);
/// The same for a server's view; `source` is layer_source_name() of the layer. Pure.
std::string view_complaint(const LayerFacts& facts, const std::string& source);
/// The same for one whose server reads from a dm-verity device. Pure.
std::string verity_view_complaint(const LayerFacts& facts,
                                  const LayerSource& layer,
                                  const std::string& source);
/// Whether dm-verity checks the layer, and the kernel found a signature of its root hash good.
/// Pure.
bool has_checked_signature(const LayerFacts& facts);
/// Whether blocks failed their check since the layer was mounted. Pure.
bool has_corrupt_blocks(const LayerFacts& facts);

}  // namespace mosb::verity
