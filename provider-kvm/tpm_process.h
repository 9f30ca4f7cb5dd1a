#pragma once

#include <string>

#include "mosb/base/cgroup.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::kvm {

/// Makes and sets up the TPM's state directory unless it is there: with an endorsement key and the
/// SHA-256 bank, without a certificate. All of it or nothing. Errors: kHost without swtpm_setup,
/// kBoot if it fails.
Status set_up_tpm(const Tpm& tpm, ProcessRunner& processes);

struct TpmStart {
  /// Where qemu connects to; must be free.
  std::string socket;
  /// What swtpm prints goes into this file (mode 0600, appended).
  std::string log;
  /// The process begins in this cgroup.
  const CgroupEntrance* cgroup = nullptr;
};

/// Starts swtpm, which ends by itself when qemu closes its connection. Errors: kHost without swtpm,
/// kBoot if it does not start.
Result<Child> start_tpm(const Tpm& tpm, const TpmStart& how);

}  // namespace mosb::kvm
