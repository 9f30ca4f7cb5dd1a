#pragma once

#include "mosb/agent/paths.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/kvm_probe.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// What the instance knows of this host's KVM; found out once per boot and kernel.
Result<kvm::KvmProbe> host_kvm(const Paths& paths);

/// What runs a machine's instructions: what its definition says; for `auto` KVM where it works,
/// else software emulation, with a warning that says why.
Result<kvm::Accel> choose_accel(const Paths& paths, manifest::MachineAccel wish);

}  // namespace mosb::agent
