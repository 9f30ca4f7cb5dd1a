#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::oci {

/// The target of the link with rel="next" in the given Link fields; nullopt if there is none.
/// Spec: RFC 8288 §3; OCI distribution 1.1 §Listing Referrers. Errors: kNetwork if malformed.
Result<std::optional<std::string>> next_link(const std::vector<std::string>& link_fields);

}  // namespace mosb::oci
