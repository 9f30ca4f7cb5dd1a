#include "mosb/agent/machine_accel.h"

#include <fcntl.h>

#include "mosb/base/log.h"
#include "mosb/base/sys.h"

namespace mosb::agent {

Result<kvm::KvmProbe> host_kvm(const Paths& paths) {
  MOSB_CHECK(sys::mkdir_all(paths.run(), 0700));
  return kvm::cached_kvm_probe(paths.run() + "/kvm-probe.json");
}

Result<kvm::Accel> choose_accel(const Paths& paths, manifest::MachineAccel wish) {
  switch (wish) {
    case manifest::MachineAccel::kKvm: {
      const auto device = sys::open("/dev/kvm", O_RDWR);
      if (!device) {
        return Error(Errc::kHost, "KVM is not there: " + device.error().message())
            .with_hint("load the module kvm_intel or kvm_amd, or say 'accel: tcg'");
      }
      return kvm::Accel::kKvm;
    }
    case manifest::MachineAccel::kTcg:
      return kvm::Accel::kTcg;
    case manifest::MachineAccel::kAuto:
      break;
  }
  const kvm::KvmProbe probe = MOSB_TRY(host_kvm(paths));
  if (probe.outcome == kvm::KvmProbe::Outcome::kWorks) {
    return kvm::Accel::kKvm;
  }
  log::warn("KVM does not work here (" + probe.detail +
            "): the machine runs in software emulation, many times slower; 'accel: tcg' in its "
            "definition says that this is meant");
  return kvm::Accel::kTcg;
}

}  // namespace mosb::agent
