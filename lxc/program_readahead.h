#pragma once

#include "lxc/container_spec.h"

namespace mosb::lxc {

/// Has the kernel read the beginning of the container's program, which its start is about to need,
/// while that start is still at work. A verified layer that was just mounted has nothing in memory
/// yet, and page by page the program would wait for its blocks to be read and checked.
/// Only a head start: whatever goes wrong goes wrong again, with its error, when the program runs.
void read_program_ahead(const ContainerSpec& spec);

}  // namespace mosb::lxc
