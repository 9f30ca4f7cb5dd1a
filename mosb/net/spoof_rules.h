#pragma once

#include <string>
#include <vector>

#include "mosb/net/network_spec.h"

namespace mosb::net {

/// The body of the bridge table: a service sends with its own addresses only and announces nothing
/// but them, and whoever is isolated meets nobody at the bridge. Pure.
std::string spoof_rules(const NetworkSpec& spec);

/// "  set NAME { type TYPE; elements = { … } }", also a map; without elements none are written.
std::string set_text(const std::string& name,
                     const std::string& type,
                     const std::vector<std::string>& elements);

}  // namespace mosb::net
