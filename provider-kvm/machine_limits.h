#pragma once

#include "mosb/base/cgroup.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::kvm {

/// What the processes of a machine may use together (pure). Far above what they need: it is there
/// for a qemu that a guest took over, and a machine that is well must never meet it.
CgroupLimits machine_limits(const MachineSpec& spec);

/// The machine's cgroup, made with these limits as far as the host has controllers for them.
Result<Cgroup> make_machine_cgroup(const std::string& name, const MachineSpec& spec);

}  // namespace mosb::kvm
