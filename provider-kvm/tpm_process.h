#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mosb/base/cgroup.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::kvm {

/// Makes and sets up the TPM's state directory unless it is there: with an endorsement key and the
/// SHA-256 bank, without a certificate. All of it or nothing. What runs for it begins in `cgroup`.
/// Errors: kHost without swtpm_setup, kBoot if it fails.
Status set_up_tpm(const Tpm& tpm, const CgroupEntrance* cgroup, ProcessRunner& processes);

/// Makes a user and its group the owner of the state directory and the files in it. Whoever owned
/// them before may have been taken over by a guest: anything in it but files with one name is
/// refused (kState).
Status give_tpm_state(const std::string& state_dir, std::uint32_t user);

struct TpmStart {
  /// Where qemu connects to; must be free.
  std::string socket;
  /// What swtpm prints goes into this file (mode 0600, appended).
  std::string log;
  /// The process begins in this cgroup.
  const CgroupEntrance* cgroup = nullptr;
  /// What the process runs as, the owner of its state; nullopt: as the caller.
  std::optional<std::uint32_t> user = std::nullopt;
};

/// Starts swtpm, which ends by itself when qemu closes its connection. Errors: kHost without swtpm,
/// kBoot if it does not start.
Result<Child> start_tpm(const Tpm& tpm, const TpmStart& how);

}  // namespace mosb::kvm
