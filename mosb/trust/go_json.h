#pragma once

#include <string>

#include "mosb/base/json.h"

namespace mosb::trust {

/// Keeps members in the order in which they were added.
using OrderedJson = nlohmann::ordered_json;

/// Compact JSON with the escapes of Go's encoding/json (`<`, `>`, `&`, U+2028 and U+2029 too), so
/// that what mosb writes has the bytes that notation would write. Strings must be UTF-8.
std::string print_go_json(const Json& value);
std::string print_go_json(const OrderedJson& value);

}  // namespace mosb::trust
