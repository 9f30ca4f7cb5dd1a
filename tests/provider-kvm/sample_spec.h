#pragma once

#include "provider-kvm/machine_spec.h"

namespace mosb::kvm::test {

/// The least there can be.
inline MachineSpec small_machine() {
  MachineSpec spec;
  spec.name = "vm1";
  spec.accel = Accel::kTcg;
  spec.firmware = Firmware{"/fw/code.fd", "/fw/vars.fd", "/m/vm1/uefi-vars.fd"};
  return spec;
}

inline Disk small_disk(const std::string& name) {
  Disk disk;
  disk.path = "/m/vm1/" + name + ".qcow2";
  disk.serial = name;
  return disk;
}

inline Nic small_nic(const std::string& id) {
  return {id, "virtio-net-pci", "52:54:00:11:22:33", UserNetwork{}};
}

}  // namespace mosb::kvm::test
