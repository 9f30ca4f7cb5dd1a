#include "provider-kvm/qemu_argv.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/json.h"
#include "provider-kvm/ovmf.h"
#include "sample_spec.h"

using namespace mosb;             // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;        // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm::test;  // NOLINT(google-build-using-namespace): the part under test

namespace {

using Arguments = std::vector<std::string>;

Arguments argv_of(const MachineSpec& spec) {
  CHECK(check_spec(spec).has_value());
  return qemu_argv(spec, {"/run/m", "/log/m"});
}

/// What follows each use of an option.
Arguments values_of(const Arguments& argv, const std::string& option) {
  Arguments values;
  for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] == option) {
      values.push_back(argv[i + 1]);
    }
  }
  return values;
}

bool has(const Arguments& values, const std::string& wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

}  // namespace

TEST_CASE("qemu gets nothing but what the spec says, and is confined", "[provider-kvm]") {
  const Arguments argv = argv_of(small_machine());
  CHECK(argv.front() == "qemu-system-x86_64");
  CHECK(has(argv, "-nodefaults"));
  CHECK(has(argv, "-no-user-config"));
  CHECK(values_of(argv, "-sandbox") ==
        Arguments{"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  CHECK(values_of(argv, "-nic") == Arguments{"none"});
  CHECK(values_of(argv, "-display") == Arguments{"none"});
  for (const std::string option : {"-netdev", "-spice", "-vnc", "-monitor", "-tpmdev", "-drive"}) {
    CHECK(values_of(argv, option).empty());
  }
  CHECK(values_of(argv, "-device") ==
        Arguments{"virtio-rng-pci,rng=rng0",
                  "virtio-serial-pci",
                  "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"});
}

TEST_CASE("every socket of a machine is a file", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  for (const Screen screen : {Screen::kNone, Screen::kSpice, Screen::kVnc}) {
    spec.screen = screen;
    const Arguments argv = argv_of(spec);
    for (const std::string& chardev : values_of(argv, "-chardev")) {
      CHECK_THAT(chardev, Catch::Contains(",path=/run/m/"));
    }
    CHECK(values_of(argv, "-spice") ==
          (screen == Screen::kSpice
               ? Arguments{"unix=on,addr=/run/m/screen.sock,disable-ticketing=on"}
               : Arguments{}));
    CHECK(values_of(argv, "-vnc") ==
          (screen == Screen::kVnc ? Arguments{"unix:/run/m/screen.sock"} : Arguments{}));
  }
}

TEST_CASE("a guest's flush reaches the host's disk, and its discards give space back",
          "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.disks = {small_disk("a")};
  const Json node = Json::parse(values_of(argv_of(spec), "-blockdev").at(2));
  CHECK(node.at("driver") == "qcow2");
  CHECK(node.at("cache") == Json({{"direct", false}, {"no-flush", false}}));
  CHECK(node.at("discard") == "unmap");
  CHECK(node.at("file").at("filename") == "/m/vm1/a.qcow2");
}

TEST_CASE("what is read only is opened so", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.disks = {small_disk("a"), small_disk("b")};
  spec.disks[0].read_only = true;
  spec.disks[1].kind = DiskKind::kCdrom;
  const Arguments nodes = values_of(argv_of(spec), "-blockdev");
  CHECK(Json::parse(nodes.at(0)).at("read-only") == true);
  CHECK(Json::parse(nodes.at(1)).at("read-only") == false);
  CHECK(Json::parse(nodes.at(2)).at("read-only") == true);
  CHECK(Json::parse(nodes.at(3)).at("read-only") == true);
}

TEST_CASE("what has a slot comes before what gets any that is free", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.disks = {small_disk("a"), small_disk("b")};
  spec.disks[0].attach = Attach::kVirtio;
  spec.disks[1].attach = Attach::kNvme;
  spec.disks[1].slot = 29;
  spec.nics = {small_nic("x"), small_nic("y")};
  spec.nics[1].slot = 2;
  const Arguments devices = values_of(argv_of(spec), "-device");
  CHECK_THAT(devices.at(0), Catch::StartsWith("nvme,bus=pcie.0,addr=0x1d,"));
  CHECK_THAT(devices.at(1), Catch::EndsWith(",bus=pcie.0,addr=0x2"));
  CHECK_THAT(devices.at(2), Catch::StartsWith("virtio-blk-pci,drive=disk0,"));
}

TEST_CASE("KVM shows the host's processor, emulation all that it can do", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  CHECK(values_of(argv_of(spec), "-accel") == Arguments{"tcg,thread=multi"});
  CHECK(values_of(argv_of(spec), "-cpu") == Arguments{"max"});
  spec.accel = Accel::kKvm;
  CHECK(values_of(argv_of(spec), "-accel") == Arguments{"kvm"});
  CHECK(values_of(argv_of(spec), "-cpu") == Arguments{"host"});
}

TEST_CASE("a machine with Secure Boot guards its variables by system management mode",
          "[provider-kvm]") {
  MachineSpec spec = small_machine();
  CHECK(has(values_of(argv_of(spec), "-machine"),
            "q35,smm=off,vmport=off,pflash0=uefi-code,pflash1=uefi-vars"));
  spec.firmware->secure_boot = true;
  CHECK(has(values_of(argv_of(spec), "-machine"),
            "q35,smm=on,vmport=off,pflash0=uefi-code,pflash1=uefi-vars"));
  CHECK(has(values_of(argv_of(spec), "-global"), "driver=cfi.pflash01,property=secure,value=on"));
}

TEST_CASE("a vsock is there only if it was asked for", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.vsock_cid = 42;
  CHECK(has(values_of(argv_of(spec), "-device"), "vhost-vsock-pci,guest-cid=42"));
}

TEST_CASE("a kernel may come without firmware and without an initrd", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.firmware.reset();
  spec.kernel = Kernel{"/boot/vmlinuz"};
  const Arguments argv = argv_of(spec);
  CHECK(values_of(argv, "-kernel") == Arguments{"/boot/vmlinuz"});
  CHECK(values_of(argv, "-initrd").empty());
  CHECK(values_of(argv, "-append").empty());
  CHECK(values_of(argv, "-blockdev").empty());
}

TEST_CASE("firmware is found where distributions install it", "[provider-kvm]") {
  const auto only = [](const std::string& dir) {
    return [dir](const std::string& path) { return path.starts_with(dir); };
  };
  const auto code = [&](const std::string& dir, bool secure_boot) {
    const auto found = find_ovmf(secure_boot, "", only(dir));
    return found ? found->code : "none";
  };
  CHECK(code("/usr/share/OVMF/", false) == "/usr/share/OVMF/OVMF_CODE_4M.fd");
  CHECK(code("/usr/share/OVMF/", true) == "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd");
  CHECK(code("/usr/share/edk2/ovmf/", true) == "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd");
  CHECK(code("/usr/share/edk2/x64/", false) == "/usr/share/edk2/x64/OVMF_CODE.4m.fd");
  CHECK(code("/usr/share/edk2/x64/", true) == "none");
  CHECK(code("/nowhere", false) == "none");
}

TEST_CASE("code that is given keeps the variables that belong to it", "[provider-kvm]") {
  const auto all = [](const std::string&) { return true; };
  CHECK(find_ovmf(false, "/usr/share/OVMF/OVMF_CODE.fd", all).value() ==
        Ovmf{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"});
  CHECK(find_ovmf(false, "/my/code.fd", all).value() ==
        Ovmf{"/my/code.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"});
}

TEST_CASE("a qemu with a user of its own gets the same and the way there", "[provider-kvm]") {
  const RuntimeFiles files("/run/m", "/log/m");
  Arguments expected = qemu_argv(small_machine(), files);
  const Arguments argv = qemu_argv_as(small_machine(), files, 61200);
  std::replace(expected.begin(),
               expected.end(),
               values_of(expected, "-sandbox").front(),
               values_of(argv, "-sandbox").front());
  // "deny" and "children" kill qemu when it changes its user.
  CHECK(values_of(argv, "-sandbox") ==
        Arguments{"on,obsolete=deny,elevateprivileges=allow,spawn=deny,resourcecontrol=deny"});
  expected.insert(
      expected.end(),
      {"-runas", "61200:61200", "-chardev", "socket,id=alive,path=alive.sock,server=on,wait=off"});
  CHECK(argv == expected);
}
