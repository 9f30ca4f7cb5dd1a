#pragma once

#include <string>
#include <vector>

#include "mosb/agent/machine_forwards.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"

namespace mosb::agent {

/// What the services of a machine's manifest publish; nothing if it has none or no nic asks for it.
/// `home` is what "~" stands for. Errors: kManifest, also for a file that cannot be read.
Result<std::vector<PublishedPort>> read_published(const manifest::Machine& machine,
                                                  const std::string& home);

}  // namespace mosb::agent
