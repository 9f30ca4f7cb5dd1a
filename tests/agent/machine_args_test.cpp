#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "machine_files.h"
#include "mosb/base/text.h"
#include "provider-kvm/qemu_argv.h"

using namespace mosb;               // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::agent;        // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::agent::test;  // NOLINT(google-build-using-namespace): the part under test

namespace {

std::vector<std::string> argv_of(const kvm::MachineSpec& spec) {
  return kvm::qemu_argv(spec, MachinePaths(Paths(""), spec.name).runtime());
}

/// What follows the n-th use of an option, counted from 0.
std::string value_of(const std::vector<std::string>& argv,
                     const std::string& option,
                     std::size_t n = 0) {
  for (std::size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] == option && n-- == 0) {
      return argv[i + 1];
    }
  }
  return "none";
}

kvm::MachineSpec compose_text(const std::string& text, PortTaken is_taken = {}) {
  const manifest::Machine machine = manifest::check_machine(text).machine.value();
  const MachinePaths paths(Paths(""), machine.name);
  MachineContext context{paths, "/home/me", kvm::Accel::kTcg};
  context.exists = [](const std::string&) { return true; };
  context.published = must(read_published(machine, std::string(MOSB_TEST_DATA) + "/machine"));
  context.is_taken = std::move(is_taken);
  return must(compose_machine(machine, context));
}

Result<kvm::MachineSpec> try_compose(const std::string& text, const std::string& home) {
  const manifest::Machine machine = manifest::check_machine(text).machine.value();
  const MachinePaths paths(Paths(""), machine.name);
  MachineContext context{paths, home, kvm::Accel::kTcg};
  context.exists = [](const std::string&) { return false; };
  return compose_machine(machine, context);
}

std::vector<kvm::HostForward> forwards_of(const kvm::MachineSpec& spec) {
  return std::get<kvm::UserNetwork>(spec.nics.at(0).network).forwards;
}

}  // namespace

TEST_CASE("each definition gives the command line that was written down for it", "[machine]") {
  for (const std::string& name : good_definitions()) {
    CAPTURE(name);
    const std::string file = machine_data() + name + ".args";
    std::string lines;
    for (const std::string& argument : argv_of(compose_definition(name, "", "/home/me"))) {
      lines += argument + "\n";
    }
    if (std::getenv("MOSB_TEST_WRITE") != nullptr) {
      std::ofstream(file) << lines;
    }
    CHECK(lines == must(read_file(file, ByteCount{64 * kKiB})));
  }
}

TEST_CASE("the example of project machine's documentation gives the promised arguments",
          "[machine]") {
  const auto argv = argv_of(compose_definition("seed-nics", "", ""));
  const auto netdev = std::find(argv.begin(), argv.end(), "-netdev");
  REQUIRE(argv.end() - netdev >= 4);
  CHECK(netdev[1] == "user,id=nic0,ipv4=on,hostfwd=tcp::22222-:22");
  CHECK(netdev[2] == "-device");
  CHECK(netdev[3].starts_with("virtio-net-pci,netdev=nic0,mac=52:54:00:"));
  CHECK(netdev[3].size() == std::string("virtio-net-pci,netdev=nic0,mac=52:54:00:11:22:33").size());
  CHECK(std::count(argv.begin(), argv.end(), "-nic") == 0);
}

TEST_CASE("what project machine's tool could not start is refused with the reason", "[machine]") {
  for (const std::string name : {"e-nomac", "f-conflict", "h", "i"}) {
    CAPTURE(name);
    const manifest::CheckedMachine checked = manifest::check_machine(definition_text(name));
    CHECK_FALSE(checked.machine.has_value());
    CHECK_FALSE(path_exists(machine_data() + name + ".args"));
  }
}

TEST_CASE("a MAC address that is not given stays the same and differs by machine and nic",
          "[machine]") {
  const auto mac = [](const std::string& machine, const std::string& nic) {
    return compose_text("name: " + machine + "\nconfig: {nics: [{device: e1000, id: " + nic + "}]}")
        .nics.at(0)
        .mac;
  };
  CHECK(mac("vm1", "nic0") == "52:54:00:0c:20:3f");
  CHECK(mac("vm1", "nic0") != mac("vm1", "nic1"));
  CHECK(mac("vm1", "nic0") != mac("vm2", "nic0"));
}

TEST_CASE("without nics a machine is offline", "[machine]") {
  for (const std::string nics : {"{}", "{nics: []}"}) {
    const auto argv = argv_of(compose_text("name: vm1\nconfig: " + nics));
    CHECK(value_of(argv, "-nic") == "none");
    CHECK(value_of(argv, "-netdev") == "none");
    CHECK(std::count(argv.begin(), argv.end(), "-nodefaults") == 1);
  }
}

TEST_CASE("a bridge gets a tap of the machine's own, a tap is taken as it is", "[machine]") {
  const kvm::MachineSpec spec = compose_text(
      "name: vm1\nconfig: {nics: [{device: e1000, id: a, network: bridge:br0}, "
      "{device: e1000, id: b, network: bridge:br0}, {device: e1000, id: c, network: tap:tap7}]}");
  const auto& a = std::get<kvm::TapNetwork>(spec.nics.at(0).network);
  const auto& b = std::get<kvm::TapNetwork>(spec.nics.at(1).network);
  const auto& c = std::get<kvm::TapNetwork>(spec.nics.at(2).network);
  CHECK(a.bridge == "br0");
  CHECK(a.ifname.size() <= 15);
  CHECK(a.ifname != b.ifname);
  CHECK(c == kvm::TapNetwork{"tap7", std::nullopt});
}

TEST_CASE("forward: auto adds each published port once, and passes over what is forwarded",
          "[machine]") {
  const auto forwards = forwards_of(compose_definition("forward-auto", "", ""));
  std::vector<std::string> shown;
  for (const kvm::HostForward& forward : forwards) {
    shown.push_back((forward.protocol == kvm::Protocol::kUdp ? "udp " : "tcp ") +
                    std::to_string(forward.host_port) + "-" + std::to_string(forward.guest_port));
  }
  // 443 of the host leads elsewhere, 22 of the machine is forwarded, and 9000 is for the machine
  // alone.
  CHECK(
      shown ==
      std::vector<std::string>{
          "tcp 443-8443", "tcp 22222-22", "tcp 80-80", "tcp 10443-443", "tcp 53-53", "udp 53-53"});
}

TEST_CASE("forward: auto takes another port of the host where one is taken", "[machine]") {
  const auto host_ports = [](const PortTaken& is_taken) {
    std::vector<unsigned> ports;
    for (const kvm::HostForward& forward :
         forwards_of(compose_text(definition_text("forward-auto"), is_taken))) {
      ports.push_back(forward.host_port);
    }
    return ports;
  };
  CHECK(host_ports([](kvm::Protocol protocol, std::uint16_t port) {
          return (protocol == kvm::Protocol::kUdp && port % 10'000 == 53) || port == 80;
        }) == std::vector<unsigned>{443, 22222, 10080, 10443, 53, 49152});
  const manifest::Machine machine =
      manifest::check_machine(definition_text("forward-auto")).machine.value();
  const MachinePaths paths(Paths(""), machine.name);
  MachineContext context{paths, "", kvm::Accel::kTcg};
  context.exists = [](const std::string&) { return true; };
  context.published = {{kvm::Protocol::kTcp, 80, "web"}};
  context.is_taken = [](kvm::Protocol, std::uint16_t) { return true; };
  const auto full = compose_machine(machine, context);
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error().code() == Errc::kNetSetup);
}

TEST_CASE("a manifest for forward: auto that is missing or invalid is refused", "[machine]") {
  manifest::Machine machine =
      manifest::check_machine(definition_text("forward-auto")).machine.value();
  machine.manifest = "/nonexistent/manifest.yaml";
  CHECK(read_published(machine, "").error().code() == Errc::kManifest);
  machine.manifest = machine_data() + "d-min.yaml";
  CHECK(read_published(machine, "").error().code() == Errc::kManifest);
  machine.nics[0].forward_auto = false;
  CHECK(must(read_published(machine, "")).empty());
}

TEST_CASE("the cdrom goes first only if the machine boots from it", "[machine]") {
  const std::string disks =
      "  cdrom: /i.iso\n  disks: [{file: a, size: 1GiB}, {file: b, size: "
      "1GiB, bootindex: 'off'}, {file: c, size: 1GiB, bootindex: 4}]\n";
  const auto order = [](const std::string& text) {
    std::vector<int> indexes;
    for (const kvm::Disk& disk : compose_text(text).disks) {
      indexes.push_back(disk.bootindex ? static_cast<int>(*disk.bootindex) : -1);
    }
    return indexes;
  };
  CHECK(order("name: vm1\nconfig:\n" + disks) == std::vector<int>{5, -1, 4, 6});
  CHECK(order("name: vm1\nconfig:\n  boot: cdrom\n" + disks) == std::vector<int>{5, -1, 4, 0});
}

TEST_CASE("a disk from elsewhere is written to as a copy only", "[machine]") {
  const auto disks = compose_text(
                         "name: vm1\nconfig: {disks: [{file: ~/base.qcow2}, {file: base.qcow2, "
                         "size: 1GiB}, {file: /srv/ro.raw, read-only: true}, {file: /srv/new.raw, "
                         "size: 1GiB}]}")
                         .disks;
  const std::string own = "/var/lib/mosb/machines/vm1/disks/";
  CHECK(disks.at(0).path == own + "base.qcow2-2");
  CHECK(disks.at(0).copy_of == "/home/me/base.qcow2");
  CHECK(disks.at(1).path == own + "base.qcow2");
  CHECK(disks.at(2).path == "/srv/ro.raw");
  CHECK_FALSE(disks.at(2).copy_of.has_value());
  CHECK(disks.at(3).path == "/srv/new.raw");
}

TEST_CASE("serial numbers are those of project machine's tool, and unique", "[machine]") {
  const auto disks =
      compose_text(
          "name: vm1\nconfig: {disks: [{file: root.qcow2}, {file: root.raw}, {file: \"a b;c.raw\", "
          "type: hdd}, {file: a-very-long-name-indeed.raw}, {file: a-very-long-name-indeed2.raw}]}")
          .disks;
  std::vector<std::string> serials;
  for (const kvm::Disk& disk : disks) {
    serials.push_back(disk.serial);
  }
  CHECK(serials ==
        std::vector<std::string>{
            "ssd-root", "ssd-root-2", "hdd-a_b_c", "ssd-a-very-long-name", "ssd-a-very-long-na-2"});
}

TEST_CASE("Secure Boot has firmware that checks, with keys, and needs no other", "[machine]") {
  const kvm::Firmware firmware = compose_definition("secure", "", "").firmware.value();
  CHECK(firmware.secure_boot);
  CHECK(firmware.code == "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd");
  CHECK(firmware.vars_template == "/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
  CHECK(firmware.vars == "/var/lib/mosb/machines/secure/uefi-vars-secure.fd");
}

TEST_CASE("a machine cannot be composed without firmware, a home or a name", "[machine]") {
  const auto none = try_compose("name: vm1", "/home/me");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code() == Errc::kHost);
  CHECK_FALSE(none.error().hint().empty());
  CHECK(try_compose("name: vm1\nconfig: {kernel: /boot/vmlinuz}", "").has_value());
  CHECK(try_compose("name: vm1\nconfig: {kernel: ~/vmlinuz}", "").error().code() == Errc::kUsage);
  CHECK(try_compose("config: {kernel: /boot/vmlinuz}", "").error().code() == Errc::kManifest);
}

TEST_CASE("cloud-init gets an instance that changes with its settings", "[machine]") {
  const auto meta = [](const std::string& user_data, const std::string& more) {
    return compose_text("name: vm1\nconfig: {cloud-init: {user-data: \"" + user_data + "\"" + more +
                        "}}")
        .cloud_init.value()
        .meta_data;
  };
  CHECK(meta("a", "") == meta("a", ""));
  CHECK(meta("a", "") != meta("b", ""));
  CHECK_THAT(meta("a", ""), Catch::EndsWith("\nlocal-hostname: vm1\n"));
  CHECK(meta("a", ", meta-data: \"instance-id: x\"") == "instance-id: x");
}

TEST_CASE("sockets of a machine have addresses under every root", "[machine]") {
  const std::string name(63, 'n');
  const MachinePaths usual(Paths(""), "vm1");
  CHECK(usual.runtime().dir() == "/run/mosb/machines/vm1");
  const MachinePaths deep(Paths("/var/tmp/" + std::string(120, 'x')), name);
  CHECK(deep.runtime().console().size() < 108);
  CHECK(deep.runtime().dir() !=
        MachinePaths(Paths("/var/tmp/" + std::string(121, 'x')), name).runtime().dir());
}
