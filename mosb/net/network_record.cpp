#include "mosb/net/network_plan.h"

namespace mosb::net {

Json to_json(const NetworkRecord& record) {
  return {{"spec", record.spec},
          {"rules", record.rules},
          {"settings", Json(record.settings)},
          {"bridge", record.bridge}};
}

Result<NetworkRecord> parse_network_record(const Json& json) {
  const auto parse = [&]() -> Result<NetworkRecord> {
    NetworkRecord record;
    record.spec = MOSB_TRY(json::require_string(json, "spec"));
    record.rules = MOSB_TRY(json::require_string(json, "rules"));
    record.settings = MOSB_TRY(json::optional_string_map(json, "settings"));
    record.bridge = MOSB_TRY(json::optional_string(json, "bridge")).value_or("");
    return record;
  };
  return parse().context("the record of the network").as(Errc::kState);
}

}  // namespace mosb::net
