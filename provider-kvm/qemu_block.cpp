#include "provider-kvm/qemu_block.h"

#include "mosb/base/json.h"

namespace mosb::kvm {

std::string to_blockdev(const BlockNode& node) {
  // Ordered, so that what people read begins with what they look for.
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson file;
  file["driver"] = "file";
  file["filename"] = node.path;
  file["aio"] = "threads";
  OrderedJson json;
  json["driver"] = node.format == ImageFormat::kQcow2 ? "qcow2" : "raw";
  json["node-name"] = node.name;
  json["read-only"] = node.read_only;
  if (!node.read_only) {
    OrderedJson cache;
    cache["direct"] = false;
    cache["no-flush"] = false;
    json["cache"] = cache;
    json["discard"] = "unmap";
    json["detect-zeroes"] = "unmap";
    file["discard"] = "unmap";
  }
  json["file"] = file;
  return json.dump();
}

}  // namespace mosb::kvm
