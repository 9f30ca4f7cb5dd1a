#pragma once

#include <optional>

#include "lxc/container.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// How the last run of a container that does not run now ended. A run whose helper was killed, or
/// that an earlier boot began, ended without being recorded. Reads only.
Result<std::optional<ContainerFacts::Exit>> last_exit(const ContainerId& id);

}  // namespace mosb::lxc
