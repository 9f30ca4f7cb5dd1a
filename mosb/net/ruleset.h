#pragma once

#include <string>

#include "mosb/net/network_spec.h"

namespace mosb::net {

/// The two tables of an instance, `inet mosb_INSTANCE` and `bridge mosb_INSTANCE`.
std::string table_name(const std::string& instance);

/// One transaction in nft's language that replaces whatever was in the two tables. Pure.
std::string ruleset(const NetworkSpec& spec);
/// One that removes them, whether they are there or not. Pure.
std::string ruleset_removal(const std::string& instance);

}  // namespace mosb::net
