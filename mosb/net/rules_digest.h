#pragma once

#include <string>
#include <string_view>

#include "mosb/base/result.h"
#include "mosb/net/nft.h"

namespace mosb::net {

/// A digest over what both tables of the instance hold now; "" if either is missing or the kernel
/// has no nf_tables. Errors: kNetSetup.
Result<std::string> rules_digest(const std::string& instance, Nft& nft);

/// A listing in nft's language with the elements of each set in order: the kernel gives them in the
/// order of a hash with a random seed. Pure.
std::string in_order(std::string_view listing);

}  // namespace mosb::net
