#pragma once

#include <string>
#include <string_view>

#include "lxc/container_spec.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// What mosb-run is told: everything of the spec but `process`, which only mosb-init reads, and the
/// environment. Goes through an inherited, sealed file.
struct HelperSpec {
  ContainerSpec spec;
  RuntimeEnvironment environment;
};

Json to_json(const HelperSpec& helper);
/// Errors: kContent, naming the member.
Result<HelperSpec> parse_helper_spec(std::string_view text);

}  // namespace mosb::lxc
