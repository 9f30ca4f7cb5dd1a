#include "verity/layer_facts.h"

#include "mosb/base/text.h"
#include "verity/geometry.h"

namespace mosb::verity {

namespace {

/// The device that the mount is on. One that a server reads from is named in the mount's source:
/// the server has it open for as long as it lives, so no other can have its name.
std::optional<std::string> mounted_verity(const LayerPlace& place, const MountEntry& mount) {
  if (!place.has_server()) {
    return mapper_name(mount.device);
  }
  const std::size_t colon = mount.source.rfind(':');
  return colon == std::string::npos ? std::nullopt
                                    : std::optional(place.verity + mount.source.substr(colon + 1));
}

/// nullopt if the mount is on no device of the place's.
Result<std::optional<VerityFacts>> read_mounted_verity(const LayerPlace& place,
                                                       const MountEntry& mount) {
  const auto name = mounted_verity(place, mount);
  if (!name || !name->starts_with(place.verity)) {
    return std::optional<VerityFacts>();
  }
  return read_verity_facts(*name);
}

bool is_guarded(const MountEntry& mount) {
  return mount.has_option("ro") && mount.has_option("nosuid") && mount.has_option("nodev");
}

std::string mount_complaint(const LayerFacts& facts, Filesystem filesystem) {
  if (!facts.mount) {
    return "it is not mounted";
  }
  const std::string name = filesystem_name(filesystem);
  return facts.mount->type == name && is_guarded(*facts.mount)
             ? ""
             : "what is mounted in its place is not a read-only " + name;
}

/// Of the device and what it reads, not of what is above it.
std::string device_complaint(const LayerFacts& facts, const LayerSource& layer) {
  if (!is_table_of(*facts.verity, layer)) {
    return "the verity device in its place has another table: " + facts.verity->table;
  }
  const LoopFacts expected{loop_tag(layer.root_hash.hex()), layer.size, true, true};
  if (!data_loop(*facts.verity) || !facts.loop || *facts.loop != expected) {
    return "the verity device in its place reads another device than the layer's";
  }
  return "";
}

bool is_view(const MountEntry& mount) {
  return mount.type.starts_with("fuse") && is_guarded(mount);
}

}  // namespace

Result<LayerFacts> read_layer_facts(const LayerPlace& place, const MountTable& table) {
  LayerFacts facts;
  const MountEntry* mount = table.top_at(place.mount());
  if (mount != nullptr) {
    facts.mount = *mount;
  }
  if (place.has_server()) {
    facts.server = MOSB_TRY(read_server_state(place.status()));
  }
  if (place.has_verity() && mount != nullptr) {
    facts.verity = MOSB_TRY(read_mounted_verity(place, *mount));
  }
  const std::optional<int> number = facts.verity       ? data_loop(*facts.verity)
                                    : mount != nullptr ? loop_number(mount->device)
                                                       : std::nullopt;
  if (number) {
    facts.loop = MOSB_TRY(read_loop_facts(*number));
  }
  return facts;
}

std::string device_name(const std::string& device) {
  const std::optional<int> number = loop_number(device);
  if (number) {
    return "/dev/loop" + std::to_string(*number);
  }
  // Major 0: on no device.
  return device.starts_with("0:") ? "fuse " + device
                                  : "/dev/dm-" + device.substr(device.find(':') + 1);
}

std::string server_complaint(const ServerState& server) {
  if (server.corrupt_blocks > 0) {
    return std::to_string(server.corrupt_blocks) +
           " corrupt blocks were read; the first: " + server.first_line;
  }
  return server.alive ? "" : "its server is gone";
}

bool has_checked_signature(const LayerFacts& facts) {
  return facts.verity && has_signed_root_hash(*facts.verity);
}

bool has_corrupt_blocks(const LayerFacts& facts) {
  return facts.server.corrupt_blocks > 0 || (facts.verity && facts.verity->corrupt);
}

std::string verity_complaint(const LayerFacts& facts, const LayerSource& layer) {
  if (std::string complaint = mount_complaint(facts, layer.filesystem); !complaint.empty()) {
    return complaint;
  }
  if (!facts.verity || facts.verity->device != facts.mount->device) {
    return "what is mounted in its place is not on a verity device of the layer's";
  }
  const std::string complaint = device_complaint(facts, layer);
  return complaint.empty() && facts.verity->corrupt ? "corrupt blocks were read" : complaint;
}

std::string kernel_complaint(const LayerFacts& facts, const LayerSource& layer) {
  if (std::string complaint = mount_complaint(facts, layer.filesystem); !complaint.empty()) {
    return complaint;
  }
  const auto geometry = Geometry::of_layer_size(layer.size);
  if (!geometry) {
    return geometry.error().message();
  }
  const LoopFacts expected{loop_tag(layer.root_hash.hex()), geometry->data_size(), true, true};
  if (!facts.loop || *facts.loop != expected) {
    return "what is mounted in its place is on another device";
  }
  return server_complaint(facts.server);
}

std::string view_complaint(const LayerFacts& facts, const std::string& source) {
  if (!facts.mount) {
    return "it is not mounted";
  }
  if (!is_view(*facts.mount) || facts.mount->source != source) {
    return "what is mounted in its place is something else";
  }
  return server_complaint(facts.server);
}

std::string verity_view_complaint(const LayerFacts& facts,
                                  const LayerSource& layer,
                                  const std::string& source) {
  if (!facts.mount) {
    return "it is not mounted";
  }
  if (!is_view(*facts.mount) || !facts.mount->source.starts_with(source + ":")) {
    return "what is mounted in its place is something else";
  }
  // Before the device, which goes with the server.
  if (std::string complaint = server_complaint(facts.server); !complaint.empty()) {
    return complaint;
  }
  if (!facts.verity) {
    return "the verity device that its server reads from is gone";
  }
  const std::string complaint = device_complaint(facts, layer);
  return complaint.empty() && facts.verity->corrupt ? "corrupt blocks were read" : complaint;
}

}  // namespace mosb::verity
