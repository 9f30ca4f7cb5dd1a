#include "mosb/agent/machine_compose.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include "mosb/agent/machine_disks.h"
#include "mosb/base/digest.h"
#include "mosb/base/text.h"
#include "provider-kvm/ovmf.h"

namespace mosb::agent {

namespace {

using manifest::Machine;
using manifest::MachineNetwork;
using manifest::MachineNic;

/// A name for a tap of ours that other machines and instances do not have.
std::string tap_name(const MachinePaths& paths, const std::string& nic) {
  return "mosbvm" + Digest::of(paths.dir() + "/" + nic).hex().substr(0, 8);
}

/// qemu's own prefix and three bytes of a digest.
std::string stable_mac(const std::string& machine, const std::string& nic) {
  const std::string hex = Digest::of("machine/" + machine + "/" + nic).hex();
  return "52:54:00:" + hex.substr(0, 2) + ":" + hex.substr(2, 2) + ":" + hex.substr(4, 2);
}

kvm::HostForward to_forward(const manifest::MachinePort& port) {
  const bool udp = port.protocol == manifest::MachinePort::Protocol::kUdp;
  return {udp ? kvm::Protocol::kUdp : kvm::Protocol::kTcp,
          port.host_address,
          port.host,
          port.guest_address,
          port.guest};
}

/// Of all nics, so that a forward that is chosen meets none that was asked for.
PortTaken taken_by(const Machine& machine, PortTaken others) {
  std::set<std::pair<kvm::Protocol, std::uint16_t>> ports;
  for (const MachineNic& nic : machine.nics) {
    for (const manifest::MachinePort& port : nic.ports) {
      ports.emplace(to_forward(port).protocol, port.host);
    }
  }
  return [ports = std::move(ports), others = std::move(others)](kvm::Protocol protocol,
                                                                std::uint16_t port) {
    return ports.count({protocol, port}) != 0 || (others && others(protocol, port));
  };
}

Result<kvm::UserNetwork> user_network(const Machine& machine,
                                      const MachineNic& nic,
                                      const MachineContext& context) {
  kvm::UserNetwork network;
  for (const manifest::MachinePort& port : nic.ports) {
    network.forwards.push_back(to_forward(port));
  }
  if (nic.forward_auto) {
    MOSB_CHECK(
        add_forwards(context.published, taken_by(machine, context.is_taken), network.forwards));
  }
  return network;
}

Result<kvm::Nic> compose_nic(const Machine& machine,
                             const MachineNic& nic,
                             const MachineContext& context) {
  kvm::Nic out;
  out.id = nic.id;
  out.device = nic.device == "virtio-net" ? "virtio-net-pci" : nic.device;
  out.mac = nic.mac.empty() ? stable_mac(machine.name, nic.id) : nic.mac;
  switch (nic.network.type) {
    case MachineNetwork::Type::kUser:
      out.network = MOSB_TRY(user_network(machine, nic, context));
      break;
    case MachineNetwork::Type::kNone:
      out.network = kvm::NoNetwork{};
      break;
    case MachineNetwork::Type::kBridge:
      out.network = kvm::TapNetwork{tap_name(context.paths, nic.id), nic.network.device};
      break;
    case MachineNetwork::Type::kTap:
      out.network = kvm::TapNetwork{nic.network.device, std::nullopt};
      break;
  }
  switch (nic.rom.from) {
    case manifest::MachineRom::From::kDefault:
      break;
    case manifest::MachineRom::From::kNone:
      out.rom.from = kvm::OptionRom::From::kNone;
      break;
    case manifest::MachineRom::From::kFile:
      out.rom.from = kvm::OptionRom::From::kFile;
      out.rom.path = MOSB_TRY(absolute_path(nic.rom.path, context.home));
      break;
  }
  out.bootindex = nic.bootindex;
  out.slot = nic.slot;
  return out;
}

Result<std::optional<kvm::Firmware>> compose_firmware(const Machine& machine,
                                                      const MachineContext& context) {
  if (machine.kernel && machine.uefi_code.empty() && !machine.secure_boot) {
    return std::optional<kvm::Firmware>{};
  }
  kvm::Firmware out;
  out.code = MOSB_TRY(absolute_path(machine.uefi_code, context.home));
  out.vars_template = MOSB_TRY(absolute_path(machine.uefi_vars, context.home));
  if (out.code.empty() || out.vars_template.empty()) {
    const kvm::Ovmf found = MOSB_TRY(kvm::find_ovmf(machine.secure_boot, out.code, context.exists));
    out.code = found.code;
    out.vars_template = out.vars_template.empty() ? found.vars : out.vars_template;
  }
  out.vars = machine.secure_boot ? context.paths.secure_uefi_vars() : context.paths.uefi_vars();
  out.secure_boot = machine.secure_boot;
  return std::optional(std::move(out));
}

Result<std::optional<kvm::Kernel>> compose_kernel(const Machine& machine,
                                                  const MachineContext& context) {
  if (!machine.kernel) {
    return std::optional<kvm::Kernel>{};
  }
  kvm::Kernel out;
  out.image = MOSB_TRY(absolute_path(machine.kernel->image, context.home));
  out.initrd = MOSB_TRY(absolute_path(machine.kernel->initrd, context.home));
  out.command_line = machine.kernel->command_line;
  return std::optional(std::move(out));
}

kvm::CloudInit compose_cloud_init(const Machine& machine, const MachinePaths& paths) {
  const manifest::MachineCloudInit& given = *machine.cloud_init;
  kvm::CloudInit out{paths.cloud_init(), given.user_data, given.meta_data, given.network_config};
  if (out.meta_data.empty()) {
    // cloud-init runs again in a guest whose instance is another one: when the settings change.
    const std::string id =
        Digest::of(machine.name + '\0' + given.user_data + '\0' + given.network_config).hex();
    out.meta_data =
        "instance-id: iid-" + id.substr(0, 16) + "\nlocal-hostname: " + machine.name + "\n";
  }
  return out;
}

std::optional<kvm::Tpm> compose_tpm(const Machine& machine, const MachinePaths& paths) {
  if (machine.tpm == manifest::MachineTpm::kNone) {
    return std::nullopt;
  }
  return kvm::Tpm{
      machine.tpm == manifest::MachineTpm::k1_2 ? kvm::Tpm::Version::k1_2 : kvm::Tpm::Version::k2_0,
      paths.tpm()};
}

kvm::Screen compose_screen(manifest::MachineScreen screen) {
  switch (screen) {
    case manifest::MachineScreen::kNone:
      return kvm::Screen::kNone;
    case manifest::MachineScreen::kSpice:
      return kvm::Screen::kSpice;
    case manifest::MachineScreen::kVnc:
      return kvm::Screen::kVnc;
  }
  return kvm::Screen::kNone;
}

kvm::Accel compose_accel(manifest::MachineAccel accel, const MachineContext& context) {
  switch (accel) {
    case manifest::MachineAccel::kAuto:
      return context.auto_accel;
    case manifest::MachineAccel::kKvm:
      return kvm::Accel::kKvm;
    case manifest::MachineAccel::kTcg:
      return kvm::Accel::kTcg;
  }
  return context.auto_accel;
}

}  // namespace

Result<kvm::MachineSpec> compose_machine(const Machine& machine, const MachineContext& context) {
  if (machine.name.empty()) {
    return Error(Errc::kManifest, "name: is missing").with_hint("write 'name: NAME' on top");
  }
  kvm::MachineSpec out;
  out.name = machine.name;
  out.accel = compose_accel(machine.accel, context);
  out.cpus = machine.cpus;
  out.memory = machine.memory;
  out.firmware = MOSB_TRY(compose_firmware(machine, context));
  out.kernel = MOSB_TRY(compose_kernel(machine, context));
  out.tpm = compose_tpm(machine, context.paths);
  out.disks = MOSB_TRY(compose_disks(machine, context.paths, context.home));
  for (const MachineNic& nic : machine.nics) {
    out.nics.push_back(MOSB_TRY(compose_nic(machine, nic, context)));
  }
  if (machine.cloud_init) {
    out.cloud_init = compose_cloud_init(machine, context.paths);
  }
  out.vsock_cid = machine.vsock_cid;
  out.screen = compose_screen(machine.screen);
  out.ephemeral = machine.ephemeral;
  MOSB_CHECK(kvm::check_spec(out));
  return out;
}

}  // namespace mosb::agent
