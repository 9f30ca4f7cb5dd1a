#include "provider-kvm/machine_spec.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

constexpr unsigned kMostCpus = 255;
constexpr ByteCount kMostMemory{16 * 1024 * kGiB};
constexpr std::uint8_t kLastSlot = 30;
/// Ports of the controller that q35 has.
constexpr std::size_t kIdePorts = 6;
constexpr std::size_t kUsbPorts = 15;

Error wrong(const std::string& field, const std::string& why) {
  return Error(Errc::kManifest, field + ": " + why);
}

/// A comma would begin another option of qemu's.
Status check_value(const std::string& field, std::string_view value) {
  if (!is_printable_line(value) || !is_utf8(value)) {
    return wrong(field, quote(value) + " has a control character");
  }
  if (value.find(',') != std::string_view::npos) {
    return wrong(field, quote(value) + " has a comma, which separates options of qemu");
  }
  return ok();
}

Status check_path(const std::string& field, const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return wrong(field, quote(path) + " is not an absolute path");
  }
  return check_value(field, path);
}

bool is_word(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

/// Slots and places in the boot order that were given away.
struct Taken {
  std::set<std::uint8_t> slots;
  std::set<std::uint32_t> bootindexes;
  std::size_t auto_slots = 0;
};

Status take(const std::string& field,
            const std::optional<std::uint8_t>& slot,
            const std::optional<std::uint32_t>& bootindex,
            Taken& taken) {
  if (slot && (*slot == 0 || *slot > kLastSlot)) {
    return wrong(field, "slot " + std::to_string(*slot) + " is not one from 1 to 30");
  }
  if (slot && !taken.slots.insert(*slot).second) {
    return wrong(field, "slot " + std::to_string(*slot) + " is taken");
  }
  if (bootindex && !taken.bootindexes.insert(*bootindex).second) {
    return wrong(field, "bootindex " + std::to_string(*bootindex) + " is taken");
  }
  return ok();
}

Status check_disk(const std::string& field, const Disk& disk, Taken& taken) {
  MOSB_CHECK(check_path(field + ".path", disk.path));
  if (disk.copy_of) {
    MOSB_CHECK(check_path(field + ".copy_of", *disk.copy_of));
  }
  if (disk.size && (disk.copy_of || disk.size->value == 0 || disk.size->value % 512 != 0)) {
    return wrong(field + ".size", "is no multiple of 512, or the disk is a copy");
  }
  if (!is_word(disk.serial, "._-") || disk.serial.size() > 20) {
    return wrong(field + ".serial", quote(disk.serial) + " is no serial number");
  }
  const bool on_pci = disk.attach == Attach::kVirtio || disk.attach == Attach::kNvme;
  if (disk.slot && !on_pci) {
    return wrong(field + ".slot", "only disks on virtio and nvme have one");
  }
  taken.auto_slots += on_pci && !disk.slot ? 1U : 0U;
  const bool cdrom = disk.kind == DiskKind::kCdrom;
  if (cdrom && on_pci) {
    return wrong(field + ".attach", "no cdrom can be on virtio or nvme");
  }
  if (disk.read_only && !cdrom && disk.attach == Attach::kIde) {
    return wrong(field + ".read_only", "qemu has no read-only ide disks");
  }
  const bool only_512 = cdrom || disk.attach == Attach::kIde;
  if (disk.block_size != 512 && (disk.block_size != 4096 || only_512)) {
    return wrong(field + ".block_size", "is none that this disk can have");
  }
  return take(field, disk.slot, disk.bootindex, taken);
}

Status check_forward(const std::string& field, const HostForward& forward) {
  if (forward.host_port == 0 || forward.guest_port == 0) {
    return wrong(field, "has port 0");
  }
  if ((forward.host_address && !forward.host_address->is_v4()) ||
      (forward.guest_address && !forward.guest_address->is_v4())) {
    return wrong(field, "user networks forward IPv4 only");
  }
  return ok();
}

Status check_network(const std::string& field, const Nic& nic) {
  if (const auto* const user = std::get_if<UserNetwork>(&nic.network)) {
    for (const HostForward& forward : user->forwards) {
      MOSB_CHECK(check_forward(field + ".forwards", forward));
    }
  }
  if (const auto* const tap = std::get_if<TapNetwork>(&nic.network)) {
    if (!is_word(tap->ifname, "._-") || tap->ifname.size() > 15) {
      return wrong(field + ".ifname", quote(tap->ifname) + " is no name of a device");
    }
  }
  return ok();
}

Status check_nic(const std::string& field, const Nic& nic, Taken& taken) {
  if (!is_word(nic.id, "-") || nic.id.size() > 31) {
    return wrong(field + ".id", quote(nic.id) + " is no id");
  }
  if (!is_word(nic.device, "-") || !is_word(nic.mac, ":")) {
    return wrong(field, "device or mac are none");
  }
  if (nic.rom.from == OptionRom::From::kFile) {
    MOSB_CHECK(check_path(field + ".rom", nic.rom.path));
  }
  MOSB_CHECK(check_network(field, nic));
  taken.auto_slots += nic.slot ? 0U : 1U;
  return take(field, nic.slot, nic.bootindex, taken);
}

std::size_t count_at(const MachineSpec& spec, Attach attach) {
  return static_cast<std::size_t>(
      std::count_if(spec.disks.begin(), spec.disks.end(), [&](const Disk& disk) {
        return disk.attach == attach;
      }));
}

Status check_room(const MachineSpec& spec, const Taken& taken) {
  if (count_at(spec, Attach::kIde) > kIdePorts) {
    return wrong("disks", "there is room for 6 on ide");
  }
  if (count_at(spec, Attach::kUsb) > kUsbPorts - 1) {
    return wrong("disks", "there is room for 14 on usb");
  }
  // Random numbers, the agent's channel, scsi, usb, screen, vsock and cloud-init.
  constexpr std::size_t kOwn = 7;
  if (taken.slots.size() + taken.auto_slots + kOwn > kLastSlot) {
    return wrong("disks", "there is room for 23 nics and disks on virtio or nvme");
  }
  return ok();
}

Status check_files(const MachineSpec& spec) {
  if (spec.firmware) {
    MOSB_CHECK(check_path("firmware.code", spec.firmware->code));
    MOSB_CHECK(check_path("firmware.vars_template", spec.firmware->vars_template));
    MOSB_CHECK(check_path("firmware.vars", spec.firmware->vars));
  }
  if (spec.kernel) {
    MOSB_CHECK(check_path("kernel.image", spec.kernel->image));
    MOSB_CHECK(check_value("kernel.command_line", spec.kernel->command_line));
    if (!spec.kernel->initrd.empty()) {
      MOSB_CHECK(check_path("kernel.initrd", spec.kernel->initrd));
    }
  }
  if (!spec.firmware && !spec.kernel) {
    return wrong("firmware", "there is none, and no kernel either");
  }
  if (spec.tpm) {
    MOSB_CHECK(check_path("tpm.state_dir", spec.tpm->state_dir));
  }
  if (spec.cloud_init) {
    MOSB_CHECK(check_path("cloud_init.image", spec.cloud_init->image));
  }
  return ok();
}

Status check_size(const MachineSpec& spec) {
  if (spec.cpus == 0 || spec.cpus > kMostCpus) {
    return wrong("cpus", std::to_string(spec.cpus) + " is not from 1 to 255");
  }
  if (spec.memory.value == 0 || spec.memory.value % kMiB != 0 || spec.memory > kMostMemory) {
    return wrong("memory", "is not a number of MiB from 1 to 16777216");
  }
  if (spec.vsock_cid && (*spec.vsock_cid < 3 || *spec.vsock_cid == 0xffffffffU)) {
    return wrong("vsock_cid", std::to_string(*spec.vsock_cid) + " is not from 3 to 4294967294");
  }
  return ok();
}

}  // namespace

Status check_spec(const MachineSpec& spec) {
  if (!is_word(spec.name, "._-") || spec.name.size() > 63) {
    return wrong("name", quote(spec.name) + " is no name of a machine");
  }
  MOSB_CHECK(check_size(spec));
  MOSB_CHECK(check_files(spec));
  Taken taken;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < spec.disks.size(); ++i) {
    MOSB_CHECK(check_disk("disks[" + std::to_string(i) + "]", spec.disks[i], taken));
  }
  for (std::size_t i = 0; i < spec.nics.size(); ++i) {
    const std::string field = "nics[" + std::to_string(i) + "]";
    MOSB_CHECK(check_nic(field, spec.nics[i], taken));
    if (!ids.insert(spec.nics[i].id).second) {
      return wrong(field + ".id", quote(spec.nics[i].id) + " stands twice");
    }
  }
  return check_room(spec, taken);
}

}  // namespace mosb::kvm
