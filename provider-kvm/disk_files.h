#pragma once

#include "mosb/base/cgroup.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::kvm {

/// Makes what of a machine's files is missing: its disks, and its own copy of the firmware's
/// variables. Nothing that exists is written to; each file comes whole or not at all, also when
/// mosb is killed in between. Programs that run for it begin in `cgroup` (nullptr: the caller's).
/// Errors: kManifest for a disk that is missing and has neither size nor origin, or whose folder is
/// missing; kNotFound for missing firmware; kBoot if qemu-img fails; kResource if the space is out.
Status make_missing_files(const MachineSpec& spec,
                          const CgroupEntrance* cgroup,
                          ProcessRunner& processes);

}  // namespace mosb::kvm
