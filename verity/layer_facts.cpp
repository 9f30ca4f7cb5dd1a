#include "verity/layer_facts.h"

#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/geometry.h"

namespace mosb::verity {

namespace {

/// Documentation/admin-guide/devices.txt: block major of loop devices; 0 is no device.
constexpr std::string_view kLoopMajor = "7:";
constexpr std::uint64_t kMaxMinor = (1U << 20U) - 1;

std::optional<int> loop_minor(std::string_view device) {
  if (!device.starts_with(kLoopMajor)) {
    return std::nullopt;
  }
  const auto minor = parse_uint(device.substr(kLoopMajor.size()), 0, kMaxMinor);
  return minor ? std::optional<int>(static_cast<int>(*minor)) : std::nullopt;
}

bool is_guarded(const MountEntry& mount) {
  return mount.has_option("ro") && mount.has_option("nosuid") && mount.has_option("nodev");
}

}  // namespace

Result<LayerFacts> read_layer_facts(const LayerPlace& place, const MountTable& table) {
  LayerFacts facts;
  facts.server = MOSB_TRY(read_server_state(place.status()));
  const MountEntry* mount = table.top_at(place.mount());
  if (mount == nullptr) {
    return facts;
  }
  facts.mount = *mount;
  const std::optional<int> number = loop_number(*mount);
  if (number) {
    facts.loop = MOSB_TRY(read_loop_facts(*number));
  }
  return facts;
}

std::optional<int> loop_number(const MountEntry& mount) {
  return loop_minor(mount.device);
}

std::string device_name(const std::string& device) {
  const std::optional<int> number = loop_minor(device);
  return number ? "/dev/loop" + std::to_string(*number) : "fuse " + device;
}

std::string server_complaint(const ServerState& server) {
  if (server.corrupt_blocks > 0) {
    return std::to_string(server.corrupt_blocks) +
           " corrupt blocks were read; the first: " + server.first_line;
  }
  return server.alive ? "" : "its server is gone";
}

std::string kernel_complaint(const LayerFacts& facts, const LayerSource& layer) {
  if (!facts.mount) {
    return "it is not mounted";
  }
  if (facts.mount->type != "squashfs" || !is_guarded(*facts.mount)) {
    return "what is mounted in its place is not a read-only squashfs";
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
  if (!facts.mount->type.starts_with("fuse") || !is_guarded(*facts.mount) ||
      facts.mount->source != source) {
    return "what is mounted in its place is something else";
  }
  return server_complaint(facts.server);
}

}  // namespace mosb::verity
