#include "provider-kvm/ovmf.h"

namespace mosb::kvm {

namespace {

struct Place {
  const char* code;
  const char* vars;
  bool secure_boot;
};

constexpr Place kPlaces[] = {
    // Debian, Ubuntu
    {"/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true},
    {"/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true},
    {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", false},
    {"/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd", true},
    {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd", false},
    // Fedora, RHEL
    {"/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd",
     "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd",
     true},
    {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd", false},
    // openSUSE
    {"/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin",
     "/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin",
     true},
    {"/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin", false},
    {"/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin", false},
    // Arch, whose variables have no keys: nothing there for Secure Boot
    {"/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", false},
};

}  // namespace

Result<Ovmf> find_ovmf(bool secure_boot,
                       const std::string& code,
                       const std::function<bool(const std::string& path)>& exists) {
  for (const Place& place : kPlaces) {
    if (code == place.code && secure_boot == place.secure_boot && exists(place.vars)) {
      return Ovmf{place.code, place.vars};
    }
  }
  for (const Place& place : kPlaces) {
    if (secure_boot == place.secure_boot && exists(place.code) && exists(place.vars)) {
      return Ovmf{code.empty() ? place.code : code, place.vars};
    }
  }
  return Error(Errc::kHost,
               std::string("no UEFI firmware (OVMF) ") + (secure_boot ? "for Secure Boot " : "") +
                   "is installed on this host")
      .with_hint("install it (Debian: apt install ovmf), or name 'uefi-code' and 'uefi-vars'");
}

}  // namespace mosb::kvm
