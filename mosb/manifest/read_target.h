#pragma once

#include <string>

#include "mosb/manifest/node.h"
#include "mosb/manifest/object_reader.h"
#include "mosb/manifest/target.h"

namespace mosb::manifest {

/// Reads one item of `targets`. What is wrong is added to the findings, and the result is then of
/// no use.
Target read_target(const Node& node, const std::string& path, Findings& findings);

/// Reads a target's `network`.
TargetNetwork read_network(const Node& node, const std::string& path, Findings& findings);

}  // namespace mosb::manifest
