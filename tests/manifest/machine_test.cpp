#include "mosb/manifest/machine.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using namespace mosb;            // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::manifest;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;

namespace {

/// A definition with these lines in its `config`, each indented by two spaces.
std::string with(const std::string& lines) {
  return "name: vm1\nconfig:\n" + lines;
}

std::string nic_with(const std::string& fields) {
  return with("  nics:\n  - {id: nic0, device: virtio-net" + fields + "}\n");
}

std::string port_with(const std::string& rule) {
  return nic_with(", ports: [" + rule + "]");
}

std::string disk_with(const std::string& fields) {
  return with("  disks:\n  - {file: root.qcow2" + fields + "}\n");
}

std::vector<std::string> lines_of(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) {
    lines.push_back(to_string(problem));
  }
  return lines;
}

std::string first_problem(const std::string& text) {
  const CheckedMachine checked = check_machine(text);
  CHECK(checked.machine.has_value() == checked.problems.empty());
  return checked.problems.empty() ? "no problem" : to_string(checked.problems.front());
}

std::string first_warning(const std::string& text) {
  const CheckedMachine checked = check_machine(text);
  CHECK(lines_of(checked.problems).empty());
  return checked.warnings.empty() ? "no warning" : to_string(checked.warnings.front());
}

Machine good(const std::string& text) {
  CheckedMachine checked = check_machine(text);
  CHECK(lines_of(checked.problems).empty());
  return checked.machine.value();
}

}  // namespace

TEST_CASE("a definition with a name alone is a machine of the old default size", "[machine]") {
  const Machine machine = good("name: vm4\nconfig:\n  name: vm4\n");
  CHECK(machine.name == "vm4");
  CHECK(machine.cpus == 4);
  CHECK(machine.memory == ByteCount{4096 * kMiB});
  CHECK(machine.nics.empty());
  CHECK(machine.tpm == MachineTpm::kNone);
  CHECK(machine.screen == MachineScreen::kNone);
  CHECK(machine.accel == MachineAccel::kAuto);
  CHECK(good("name: vm4\n") == good("name: vm4\nconfig: {cpus: 0, memory: 0}\n"));
}

TEST_CASE("what project machine's tool writes for fields that are not set means nothing",
          "[machine]") {
  const std::string written = R"(type: kvm
name: vm1
description: ""
ephemeral: false
config:
  name: vm1
  cpus: 2
  memory: 2048
  serial: ""
  boot: ""
  cdrom: ""
  uefi-code: ""
  uefi-vars: ""
  tpm: false
  tpm-version: ""
  secure-boot: false
  gui: false
  nics:
  - device: virtio-net
    id: nic0
    mac: ""
    network: user
    addr: ""
    bootindex: ""
    romfile: ""
    ports: []
  disks:
  - file: root.qcow2
    format: qcow2
    size: 10737418240
    attach: virtio
    type: ssd
    blocksize: 512
    addr: ""
    bootindex: ""
    read-only: false
)";
  const CheckedMachine checked = check_machine(written);
  CHECK(lines_of(checked.problems).empty());
  CHECK(lines_of(checked.warnings).empty());
  CHECK(checked.machine ==
        good(with("  cpus: 2\n  memory: 2048\n"
                  "  nics: [{device: virtio-net, id: nic0}]\n"
                  "  disks: [{file: root.qcow2, size: 10GiB, attach: virtio}]")));
}

TEST_CASE("JSON of the same meaning is the same machine", "[machine]") {
  CHECK(good(R"({"name":"vm1","config":{"cpus":2,"nics":[{"id":"nic0","device":"e1000",
                 "bootindex":"off","ports":[{"host":{"port":80},"guest":{"port":80}}]}]}})") ==
        good(with("  cpus: 2\n  nics:\n  - {id: nic0, device: e1000, bootindex: off, ports: "
                  "[{host: {port: 80}, guest: {port: 80}}]}\n")));
}

TEST_CASE("the example of project machine's documentation is read as it is meant", "[machine]") {
  const Machine machine = good(with(R"(  nics:
  - bootindex: 'off'
    device: virtio-net
    id: nic0
    network: user
    ports:
    - guest:
        address: ''
        port: 22
      host:
        address: ''
        port: 22222
      protocol: tcp
    romfile: ''
)"));
  REQUIRE(machine.nics.size() == 1);
  const MachineNic& nic = machine.nics[0];
  CHECK(nic.network.type == MachineNetwork::Type::kUser);
  CHECK(nic.rom.from == MachineRom::From::kDefault);
  CHECK_FALSE(nic.bootindex.has_value());
  CHECK(nic.ports == std::vector<MachinePort>{
                         {MachinePort::Protocol::kTcp, std::nullopt, 22222, std::nullopt, 22}});
}

TEST_CASE("a nic without an id gets one that no other has", "[machine]") {
  const Machine machine =
      good(with("  nics: [{device: e1000}, {device: e1000, id: nic0}, {device: e1000}]\n"));
  CHECK(machine.nics[0].id == "nic1");
  CHECK(machine.nics[1].id == "nic0");
  CHECK(machine.nics[2].id == "nic2");
}

TEST_CASE("sizes of disks are read as project machine's tool reads them", "[machine]") {
  const auto size_of = [](const std::string& size) {
    return good(disk_with(", size: " + size)).disks[0].size;
  };
  CHECK(size_of("1MiB") == ByteCount{kMiB});
  CHECK(size_of("\"1 MiB\"") == ByteCount{kMiB});
  CHECK(size_of("1mib") == ByteCount{kMiB});
  CHECK(size_of("10G") == ByteCount{10'000'000'000});
  CHECK(size_of("1.5GiB") == ByteCount{3 * kGiB / 2});
  CHECK(size_of("2000000") == ByteCount{2'000'384});
  CHECK(size_of("0") == std::nullopt);
}

TEST_CASE("what a definition may not say is refused with line and column", "[machine]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      // the file
      {"", "1:1: the manifest is empty"},
      {"nics: []\n", "1:1: nics: belongs into 'config:'"},
      {"name: vm1\ncpus: 2\nmemory: 512\n", "2:1: cpus: belongs into 'config:'"},
      {"name: vm1\nconfg: {}\n", "2:1: confg: unknown field 'confg'; did you mean 'config'?"},
      {"name: vm1\nname: vm2\n", "2:1: "},
      {"name: a/b\n", "1:7: name: 'a/b' is not a name"},
      {"name: ../x\n", "1:7: name: "},
      {"name: \"a\\nb\"\n", "1:7: name: "},
      {"name: a,b\n", "1:7: name: "},
      {"name: vm1\ntype: xen\n", "2:7: type: unknown value 'xen', known: 'kvm'"},
      {"name: vm1\nephemeral: yes\n", "2:12: ephemeral: wants true or false"},
      {"name: vm1\nconfig: [1]\n", "2:9: config: wants a mapping"},
      // the machine
      {with("  bogus: 1\n"), "3:3: config.bogus: unknown field 'bogus'"},
      {with("  secureboot: true\n"), "did you mean 'secure-boot'?"},
      {with("  cpus: 256\n"), "3:9: config.cpus: wants a decimal whole number from 0 to 255"},
      {with("  cpus: -1\n"), "3:9: config.cpus: "},
      {with("  memory: 2048M\n"), "3:11: config.memory: '2048M' is not a whole number of MiB"},
      {with("  memory: 99999999\n"), "3:11: config.memory: "},
      {with("  accel: hvf\n"), "3:10: config.accel: unknown value 'hvf'"},
      {with("  boot: floppy\n"), "3:9: config.boot: unknown value 'floppy'"},
      {with("  gui: x11\n"), "3:8: config.gui: 'x11' is none of"},
      {with("  tpm-version: 3.0\n"), "3:16: config.tpm-version: '3.0' is neither"},
      {with("  vsock: 2\n"), "3:10: config.vsock: "},
      {with("  initrd: /boot/initrd\n"), "3:11: config.initrd: needs a 'kernel'"},
      {with("  cmdline: quiet\n"), "3:12: config.cmdline: needs a 'kernel'"},
      {with("  manifest: docker://r.example/m:1\n"), "published manifests are not supported"},
      {with("  cloud-init: {userdata: x}\n"), "unknown field 'userdata'"},
      // paths
      {with("  cdrom: isos/a.iso\n"), "3:10: config.cdrom: 'isos/a.iso' is not an absolute path"},
      {with("  cdrom: a.iso\n"), "3:10: config.cdrom: "},
      {with("  cdrom: /a,readonly=off\n"), "3:10: config.cdrom: '/a,readonly=off' has a comma"},
      {with("  cdrom: \"/a\\nb\"\n"), "has a control character"},
      {with("  cdrom: \"/a\\0b\"\n"), "has a NUL"},
      {with("  uefi-code: /a,b\n"), "has a comma"},
      {with("  uefi-vars: /a,b\n"), "has a comma"},
      {with("  kernel: /a,b\n"), "has a comma"},
      {with("  kernel: /a\n  cmdline: \"a\\tb\"\n"), "has a control character"},
      // nics
      {with("  nics: [{id: nic0}]\n"), "config.nics[0].device: is missing"},
      {with("  nics: [{id: nic0, device: ''}]\n"), "config.nics[0].device: is empty"},
      {with("  nics: [{id: nic0, device: virtio}]\n"),
       "unknown value 'virtio', known: 'virtio-net', 'e1000', 'e1000e', 'rtl8139'"},
      {with("  nics: [{id: nic0, device: \"e1000,mac=x\"}]\n"), "unknown value 'e1000,mac=x'"},
      {with("  nics: [{id: Nic0, device: e1000}]\n"), "3:15: config.nics[0].id: 'Nic0' is not an"},
      {with("  nics: [{id: 0nic, device: e1000}]\n"), "is not an id"},
      {with("  nics: [{id: \"a,b\", device: e1000}]\n"), "is not an id"},
      {with("  nics: [{id: " + std::string(32, 'a') + ", device: e1000}]\n"), "is not an id"},
      {with("  nics:\n  - {id: n, device: e1000}\n  - {id: n, device: e1000}\n"),
       "5:10: config.nics[1].id: id 'n' stands twice, first in line 4"},
      {nic_with(", network: bridge"), "4:45: config.nics[0].network: 'bridge' is none of"},
      {nic_with(", network: \"bridge:br0,br=x\""), "has a comma"},
      {nic_with(", network: 'bridge:'"), "is no name of a network device"},
      {nic_with(", network: bridge:a/b"), "is no name of a network device"},
      {nic_with(", network: tap:abcdefghijklmnop"), "is no name of a network device"},
      {nic_with(
           ", network: none, ports: [{host: {address: 127.0.0.1, port: 1}, guest: {port: 1}}]"),
       "only a 'user' network forwards ports"},
      {with("  manifest: /m\n  nics: [{device: e1000, network: tap:t, forward: auto}]\n"),
       "only a 'user' network forwards ports"},
      {nic_with(", forward: auto"), "config.nics[0].forward: needs a 'manifest'"},
      {nic_with(", forward: always"), "unknown value 'always', known: 'auto'"},
      {with("  manifest: /m\n  nics: [{device: e1000, forward: auto}, {device: e1000, forward: "
            "auto}]\n"),
       "another nic forwards them already"},
      {nic_with(", mac: 'zz:zz'"), "is not a MAC address"},
      {nic_with(", mac: 52:54:00:11:22"), "is not a MAC address"},
      {nic_with(", mac: 53:54:00:11:22:33"), "is an address of a group"},
      {nic_with(", mac: 'ff:ff:ff:ff:ff:ff'"), "is an address of a group"},
      {nic_with(", mac: '00:00:00:00:00:00'"), "is no address"},
      {with("  nics:\n  - {device: e1000, mac: 52:54:00:11:22:33}\n"
            "  - {device: e1000, mac: 52:54:00:11:22:33}\n"),
       "5:26: config.nics[1].mac: mac '52:54:00:11:22:33' stands twice, first in line 4"},
      {nic_with(", bootindex: x"), "'x' is neither 'off' nor a number"},
      {nic_with(", bootindex: -1"), "is neither 'off' nor a number"},
      {nic_with(", romfile: pxe.rom"), "is not an absolute path"},
      {nic_with(", romfile: \"/a,b\""), "has a comma"},
      {nic_with(", addr: 0"), "is not a PCI slot"},
      {nic_with(", addr: 31"), "is not a PCI slot"},
      {nic_with(", addr: 0x1f"), "is not a PCI slot"},
      {nic_with(", addr: 0x123456789"), "is not a PCI slot"},
      {nic_with(", addr: 5.1"), "is not a PCI slot"},
      {nic_with(", ifname: tap7"), "unknown field 'ifname'"},
      // ports
      {port_with("{}"), "config.nics[0].ports[0].host: is missing"},
      {port_with("{host: {port: 80}}"), "ports[0].guest: is missing"},
      {port_with("{host: {}, guest: {port: 80}}"), "ports[0].host.port: is missing"},
      {port_with("{host: {port: 0}, guest: {port: 80}}"), "ports[0].host.port: wants"},
      {port_with("{host: {port: 65536}, guest: {port: 80}}"), "ports[0].host.port: wants"},
      {port_with("{host: {port: 99999}, guest: {port: 80}}"), "ports[0].host.port: wants"},
      {port_with("{host: {port: 80}, guest: {port: 0}}"), "ports[0].guest.port: wants"},
      {port_with("{host: {port: '80'}, guest: {port: 80}}"), "without quotes"},
      {port_with("{protocol: sctp, host: {port: 1}, guest: {port: 1}}"), "unknown value 'sctp'"},
      {port_with("{host: {address: '127.0.0.1,restrict=on', port: 80}, guest: {port: 80}}"),
       "ports[0].host.address: '127.0.0.1,restrict=on' is not an IPv4 address"},
      {port_with("{host: {address: localhost, port: 80}, guest: {port: 80}}"), "is not an IPv4"},
      {port_with("{host: {address: '::1', port: 80}, guest: {port: 80}}"), "is not an IPv4"},
      {port_with("{host: {port: 80}, guest: {address: 10.0.2.256, port: 80}}"), "is not an IPv4"},
      {port_with("{host: {port: 80}, guest: {port: 80}}, {host: {port: 80}, guest: {port: 81}}"),
       "ports[1]: port 80 of the host stands twice, first in line 4"},
      {port_with("{host: {address: 127.0.0.1, port: 80}, guest: {port: 80}}, {host: {port: 80}, "
                 "guest: {port: 81}}"),
       "port 80 of the host stands twice"},
      {with("  nics:\n  - {device: e1000, ports: [{host: {port: 80}, guest: {port: 80}}]}\n"
            "  - {device: e1000, ports: [{host: {port: 80}, guest: {port: 80}}]}\n"),
       "5:29: config.nics[1].ports[0]: port 80 of the host stands twice, first in line 4"},
      // disks
      {with("  disks: [{size: 1GiB}]\n"), "config.disks[0].file: is missing"},
      {with("  disks: [{file: ''}]\n"), "config.disks[0].file: is empty"},
      {with("  disks: [{file: ..}]\n"), "is not an absolute path"},
      {with("  disks: [{file: a/b.raw}]\n"), "is not an absolute path"},
      {with("  disks: [{file: \"a,b.raw\"}]\n"), "has a comma"},
      {with("  disks: [{file: a.raw}, {file: a.raw}]\n"), "file 'a.raw' stands twice"},
      {disk_with(", size: 1 XB"), "'1 XB' is not a size"},
      {disk_with(", size: 20"), "'20' is a number of bytes; write a unit, like 20GiB"},
      {disk_with(", size: 99999999T"), "is not a size"},
      {disk_with(", format: vmdk"), "unknown value 'vmdk'"},
      {disk_with(", attach: floppy"), "unknown value 'floppy'"},
      {disk_with(", type: tape"), "unknown value 'tape'"},
      {disk_with(", blocksize: 1024"), "is neither 512 nor 4096"},
      {disk_with(", attach: ide, blocksize: 4096"), "an ide disk or a cdrom has 512"},
      {disk_with(", attach: ide, read-only: true"), "qemu has no read-only ide disks"},
      {disk_with(", size: 1GiB, read-only: true"), "a new disk that nobody can write to"},
      {disk_with(", type: cdrom, attach: virtio"), "no cdrom can be on 'virtio'"},
      {disk_with(", type: cdrom, attach: nvme"), "no cdrom can be on 'nvme'"},
      {disk_with(", type: cdrom, size: 1GiB"), "an empty cdrom"},
      {disk_with(", addr: 31"), "is not a PCI slot"},
      {disk_with(", cache: unsafe"), "unknown field 'cache'"},
      // among nics and disks
      {with("  disks:\n  - {file: a, bootindex: \"0\"}\n  nics:\n"
            "  - {device: e1000, bootindex: 0}\n"),
       "6:32: config.nics[0].bootindex: bootindex 0 stands twice, first in line 4"},
      {with(
           "  disks: [{file: a, attach: virtio, addr: 5}]\n  nics: [{device: e1000, addr: 0x5}]\n"),
       "4:32: config.nics[0].addr: addr 5 stands twice, first in line 3"},
      {with("  boot: cdrom\n  cdrom: /a.iso\n  disks: [{file: a, bootindex: 0}]\n"),
       "bootindex 0 stands twice"},
  };
  for (const auto& [text, problem] : cases) {
    CAPTURE(text);
    CHECK_THAT(first_problem(text), Contains(problem));
  }
}

TEST_CASE("every problem of a definition is told at once, in the order of the text", "[machine]") {
  const CheckedMachine checked = check_machine(
      "name: vm6\nconfig:\n  bogus: 1\n  disks:\n  - {file: a.qcow2, bootindex: x}\n"
      "  nics:\n  - {device: virtio-net, mac: \"zz:zz\"}\n");
  CHECK(lines_of(checked.problems) ==
        std::vector<std::string>{
            "3:3: config.bogus: unknown field 'bogus'",
            "5:32: config.disks[0].bootindex: 'x' is neither 'off' nor a number from 0 to 1000000",
            "7:31: config.nics[0].mac: 'zz:zz' is not a MAC address like 52:54:00:11:22:33"});
}

TEST_CASE("ports that differ in protocol or address are not one port", "[machine]") {
  CHECK(first_problem(port_with("{protocol: tcp, host: {port: 53}, guest: {port: 53}}, "
                                "{protocol: udp, host: {port: 53}, guest: {port: 53}}")) ==
        "no problem");
  CHECK(first_problem(port_with("{host: {address: 127.0.0.1, port: 53}, guest: {port: 53}}, "
                                "{host: {address: 127.0.0.2, port: 53}, guest: {port: 53}}")) ==
        "no problem");
}

TEST_CASE("where the old tool did something else, a warning says what happens now", "[machine]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {port_with("{host: {port: 80}, guest: {port: 80}}"), "open at all addresses of this host"},
      {port_with("{host: {address: '', port: 80}, guest: {port: 80}}"), "open at all addresses"},
      {nic_with(", network: none"), "the card has no cable"},
      {nic_with(", addr: 0x5"), "is slot 5 now"},
      {disk_with(", attach: scsi, addr: 5"), "has no effect: only disks on virtio and nvme"},
      {disk_with(", blocksize: 4096"), "is now what the guest sees"},
      {with("  name: other\n"), "is not used: the machine's name is 'vm1'"},
      {with("  serial: /dev/ttyS0\n"), "has no effect, as ever"},
      {with("  uefi: false\n"), "has no effect: a machine without a 'kernel' starts with UEFI"},
      {with("  boot: cdrom\n"), "has no effect: the machine has no cdrom"},
      {with("  manifest: /m\n  nics: [{device: e1000, forward: auto}]\n"),
       "forward: opens the ports at all addresses"},
      {with("  manifest: /m.yaml\n"), "has no effect: no nic has 'forward: auto'"},
      {"name: vm1\nstatus: running\n", "2:9: status: is not read"},
  };
  for (const auto& [text, warning] : cases) {
    CAPTURE(text);
    CHECK_THAT(first_warning(text), Contains(warning));
  }
  CHECK(first_warning(port_with("{host: {address: 127.0.0.1, port: 1}, guest: {port: 1}}")) ==
        "no warning");
  CHECK(first_warning(with("  uefi: true\n")) == "no warning");
}

TEST_CASE("the error of several problems names the first and counts the others", "[machine]") {
  const CheckedMachine checked = check_machine(with("  bogus: 1\n  cpus: x\n"));
  const Error error = machine_error(checked.problems, "m.yaml");
  CHECK(error.code() == Errc::kManifest);
  CHECK(error.message() == "m.yaml:3:3: config.bogus: unknown field 'bogus' (and 1 more)");
}
