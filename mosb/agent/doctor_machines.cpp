#include "mosb/agent/doctor_machines.h"

#include <initializer_list>
#include <string>

#include <fcntl.h>

#include "mosb/agent/machine_accel.h"
#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/sys.h"
#include "provider-kvm/ovmf.h"
#include "provider-kvm/qemu_argv.h"

namespace mosb::agent {

namespace {

Capability kvm_works(const Paths& paths) {
  const auto probe = host_kvm(paths);
  if (!probe) {
    return {"KVM", CapabilityStatus::kMissing, probe.error().message()};
  }
  switch (probe->outcome) {
    case kvm::KvmProbe::Outcome::kWorks:
      return {"KVM", CapabilityStatus::kOk, probe->detail};
    case kvm::KvmProbe::Outcome::kAbsent:
      return {"KVM",
              CapabilityStatus::kMissing,
              probe->detail + "; machines run in software emulation"};
    case kvm::KvmProbe::Outcome::kFails:
      break;
  }
  return {"KVM",
          CapabilityStatus::kDegraded,
          "it does not work: " + probe->detail + "; machines run in software emulation"};
}

Capability programs(const std::string& name,
                    std::initializer_list<const char*> wanted,
                    const std::string& packages) {
  std::string first;
  for (const char* const program : wanted) {
    const auto path = find_program(program);
    if (!path) {
      return {name,
              CapabilityStatus::kMissing,
              std::string(program) + " is not installed; install " + packages};
    }
    first = first.empty() ? *path : first;
  }
  return {name, CapabilityStatus::kOk, first};
}

Capability firmware() {
  const auto plain = kvm::find_ovmf(false, "", path_exists);
  if (!plain) {
    return {"UEFI", CapabilityStatus::kMissing, plain.error().message()};
  }
  const auto secure = kvm::find_ovmf(true, "", path_exists);
  if (!secure) {
    return {"UEFI", CapabilityStatus::kDegraded, plain->code + ", none for Secure Boot"};
  }
  return {"UEFI", CapabilityStatus::kOk, plain->code + " and " + secure->code};
}

Capability vsock() {
  const auto device = sys::open("/dev/vhost-vsock", O_RDWR);
  return device ? Capability{"vsock", CapabilityStatus::kOk, "/dev/vhost-vsock"}
                : Capability{"vsock",
                             CapabilityStatus::kMissing,
                             device.error().message() + "; load the module vhost_vsock"};
}

}  // namespace

std::vector<Capability> examine_machines(const Paths& paths) {
  return {kvm_works(paths),
          programs("qemu", {kvm::kQemu, "qemu-img"}, "qemu-system-x86 and qemu-utils"),
          programs("TPM", {"swtpm", "swtpm_setup"}, "swtpm and swtpm-tools"),
          firmware(),
          vsock()};
}

}  // namespace mosb::agent
