#pragma once

#include <optional>
#include <string>

#include "mosb/base/result.h"
#include "verity/layer_place.h"
#include "verity/loop_device.h"
#include "verity/mount_table.h"
#include "verity/server_state.h"

namespace mosb::verity {

/// What the kernel says about a layer's mount, whoever made it. Reading it touches no served file.
struct LayerFacts {
  /// What is on top at the place's mount point.
  std::optional<MountEntry> mount;
  /// Of the loop device that it is mounted from, if it is.
  std::optional<LoopFacts> loop;
  ServerState server;
};

Result<LayerFacts> read_layer_facts(const LayerPlace& place, const MountTable& table);

/// Number of the loop device that a file system is on; nullopt if it is on something else.
std::optional<int> loop_number(const MountEntry& mount);
/// "/dev/loop3", or "fuse 0:57".
std::string device_name(const std::string& device);

/// Why bytes of the layer cannot be had; "" if they can.
std::string server_complaint(const ServerState& server);
/// Why the mount cannot be used as the kernel's own view of the layer; "" if it can. Pure.
std::string kernel_complaint(const LayerFacts& facts, const LayerSource& layer);
/// The same for a server's view; `source` is layer_source_name() of the layer. Pure.
std::string view_complaint(const LayerFacts& facts, const std::string& source);

}  // namespace mosb::verity
