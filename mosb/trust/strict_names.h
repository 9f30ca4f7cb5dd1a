#pragma once

#include <span>
#include <string_view>

#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::trust {

/// Refuses members whose name is one of `known` in another case. Go's JSON reader, and so notation,
/// takes those for the real ones; a reader that ignored them would see another document than
/// notation does. Errors: kContent.
Status refuse_miscased_names(const Json& object, std::span<const std::string_view> known);

}  // namespace mosb::trust
