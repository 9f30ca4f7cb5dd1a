#include "provider-kvm/qemu_argv.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "provider-kvm/qemu_block.h"

namespace mosb::kvm {

namespace {

using Arguments = std::vector<std::string>;

void append(Arguments& out, Arguments more) {
  out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// The arguments of one thing in the machine. Those with a slot of their own must come before
/// those to which qemu gives the first that is free.
struct Part {
  Arguments arguments;
  bool has_slot = false;
};

std::string server_socket(const std::string& id, const std::string& path) {
  return "socket,id=" + id + ",path=" + path + ",server=on,wait=off";
}

std::string with_bootindex(const std::optional<std::uint32_t>& index) {
  return index ? ",bootindex=" + std::to_string(*index) : "";
}

std::string with_slot(const std::optional<std::uint8_t>& slot) {
  if (!slot) {
    return "";
  }
  constexpr char kHex[] = "0123456789abcdef";
  return std::string(",bus=pcie.0,addr=0x") + (*slot >= 16 ? "1" : "") + kHex[*slot % 16];
}

Arguments processor(const MachineSpec& spec) {
  const bool secure = spec.firmware && spec.firmware->secure_boot;
  std::string machine = std::string("q35,smm=") + (secure ? "on" : "off") + ",vmport=off";
  Arguments out;
  if (spec.firmware) {
    machine += ",pflash0=uefi-code,pflash1=uefi-vars";
    append(out,
           {"-blockdev",
            to_blockdev({"uefi-code", spec.firmware->code, spec.firmware->format, true}),
            "-blockdev",
            to_blockdev({"uefi-vars", spec.firmware->vars, spec.firmware->format, false})});
  }
  if (secure) {
    // Else the guest's kernel could write to the flash behind the firmware's back.
    append(out, {"-global", "driver=cfi.pflash01,property=secure,value=on"});
  }
  // OVMF's Secure Boot does not survive waking up from memory.
  append(out, {"-global", "ICH9-LPC.disable_s3=1", "-machine", machine});
  if (spec.accel == Accel::kKvm) {
    append(out, {"-accel", "kvm", "-cpu", "host"});
  } else {
    append(out, {"-accel", "tcg,thread=multi", "-cpu", "max"});
  }
  append(out,
         {"-smp",
          std::to_string(spec.cpus),
          "-m",
          "size=" + std::to_string(spec.memory.value / kMiB) + "M"});
  return out;
}

Arguments kernel(const Kernel& kernel) {
  Arguments out{"-kernel", kernel.image};
  if (!kernel.initrd.empty()) {
    append(out, {"-initrd", kernel.initrd});
  }
  if (!kernel.command_line.empty()) {
    append(out, {"-append", kernel.command_line});
  }
  return out;
}

Arguments tpm(const RuntimeFiles& files) {
  return {"-chardev",
          "socket,id=tpm,path=" + files.tpm(),
          "-tpmdev",
          "emulator,id=tpm0,chardev=tpm",
          "-device",
          "tpm-tis,tpmdev=tpm0"};
}

Arguments channels(const RuntimeFiles& files) {
  return {"-chardev",
          server_socket("qmp", files.qmp()),
          "-mon",
          "chardev=qmp,mode=control",
          "-chardev",
          server_socket("console", files.console()) + ",logfile=" + files.console_log() +
              ",logappend=on",
          "-serial",
          "chardev:console",
          "-device",
          "virtio-serial-pci",
          "-chardev",
          server_socket("agent", files.guest_agent()),
          "-device",
          "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"};
}

Arguments screen(Screen kind, const RuntimeFiles& files) {
  Arguments out{"-device", "virtio-vga", "-device", "usb-tablet,bus=usb.0"};
  if (kind == Screen::kSpice) {
    append(out, {"-spice", "unix=on,addr=" + files.screen() + ",disable-ticketing=on"});
  } else {
    append(out, {"-vnc", "unix:" + files.screen()});
  }
  return out;
}

/// How many disks of each kind of bus were there already.
struct Buses {
  unsigned scsi = 0;
  unsigned ide = 0;
  unsigned usb = 0;
};

std::string rotation(const Disk& disk) {
  return std::string(",rotation_rate=") + (disk.kind == DiskKind::kHdd ? "7200" : "1");
}

/// The devices of a disk up to where its drive is named.
std::string disk_device(const Disk& disk, Buses& buses, Arguments& before) {
  const bool cdrom = disk.kind == DiskKind::kCdrom;
  switch (disk.attach) {
    case Attach::kVirtio:
      return "virtio-blk-pci" + with_slot(disk.slot);
    case Attach::kNvme:
      return "nvme" + with_slot(disk.slot);
    case Attach::kScsi:
      return (cdrom ? "scsi-cd" : "scsi-hd" + rotation(disk)) +
             ",bus=scsi0.0,channel=0,scsi-id=" + std::to_string(buses.scsi++) + ",lun=0";
    case Attach::kIde:
      return (cdrom ? "ide-cd" : "ide-hd" + rotation(disk)) + ",bus=ide." +
             std::to_string(buses.ide++);
    case Attach::kUsb:
      if (cdrom) {
        // usb-storage knows no drives of this kind.
        const std::string id = "usbcd" + std::to_string(buses.usb++);
        append(before, {"-device", "usb-bot,id=" + id + ",bus=usb.0"});
        return "scsi-cd,bus=" + id + ".0,scsi-id=0,lun=0";
      }
      ++buses.usb;
      return "usb-storage,bus=usb.0";
  }
  return "";
}

Part disk_part(const Disk& disk, std::size_t number, Buses& buses) {
  const std::string node = "disk" + std::to_string(number);
  const bool read_only = disk.read_only || disk.kind == DiskKind::kCdrom;
  Part part{{"-blockdev", to_blockdev({node, disk.path, disk.format, read_only})},
            disk.slot.has_value()};
  std::string device = disk_device(disk, buses, part.arguments);
  device += ",drive=" + node + ",serial=" + disk.serial + with_bootindex(disk.bootindex);
  if (disk.block_size != 512) {
    const std::string size = std::to_string(disk.block_size);
    device += ",logical_block_size=" + size + ",physical_block_size=" + size;
  }
  append(part.arguments, {"-device", device});
  return part;
}

std::string to_hostfwd(const HostForward& forward) {
  return std::string(",hostfwd=") + (forward.protocol == Protocol::kTcp ? "tcp:" : "udp:") +
         (forward.host_address ? forward.host_address->str() : "") + ":" +
         std::to_string(forward.host_port) + "-" +
         (forward.guest_address ? forward.guest_address->str() : "") + ":" +
         std::to_string(forward.guest_port);
}

/// "" for a card without a cable.
std::string to_netdev(const Nic& nic) {
  if (const auto* const user = std::get_if<UserNetwork>(&nic.network)) {
    std::string netdev = "user,id=" + nic.id + ",ipv4=on";
    for (const HostForward& forward : user->forwards) {
      netdev += to_hostfwd(forward);
    }
    return netdev;
  }
  if (const auto* const tap = std::get_if<TapNetwork>(&nic.network)) {
    return "tap,id=" + nic.id + ",ifname=" + tap->ifname + ",script=no,downscript=no";
  }
  return "";
}

Part nic_part(const Nic& nic) {
  Part part{{}, nic.slot.has_value()};
  std::string device = nic.device;
  if (const std::string netdev = to_netdev(nic); !netdev.empty()) {
    append(part.arguments, {"-netdev", netdev});
    device += ",netdev=" + nic.id;
  }
  device += ",mac=" + nic.mac + with_bootindex(nic.bootindex) + with_slot(nic.slot);
  if (nic.rom.from != OptionRom::From::kDefault) {
    device += ",romfile=" + nic.rom.path;
  }
  append(part.arguments, {"-device", device});
  return part;
}

bool has_disk_at(const MachineSpec& spec, Attach attach) {
  return std::any_of(spec.disks.begin(), spec.disks.end(), [&](const Disk& disk) {
    return disk.attach == attach;
  });
}

Arguments controllers(const MachineSpec& spec) {
  Arguments out;
  if (has_disk_at(spec, Attach::kScsi)) {
    append(out, {"-device", "virtio-scsi-pci,id=scsi0"});
  }
  if (has_disk_at(spec, Attach::kUsb) || spec.screen != Screen::kNone) {
    append(out, {"-device", "qemu-xhci,id=usb,p2=15,p3=15"});
  }
  return out;
}

Arguments disks_and_nics(const MachineSpec& spec) {
  std::vector<Part> parts{{controllers(spec)}};
  Buses buses;
  for (std::size_t i = 0; i < spec.disks.size(); ++i) {
    parts.push_back(disk_part(spec.disks[i], i, buses));
  }
  for (const Nic& nic : spec.nics) {
    parts.push_back(nic_part(nic));
  }
  std::stable_partition(parts.begin(), parts.end(), [](const Part& part) { return part.has_slot; });
  Arguments out;
  for (Part& part : parts) {
    append(out, std::move(part.arguments));
  }
  if (spec.nics.empty()) {
    append(out, {"-nic", "none"});
  }
  return out;
}

/// `privileges`: what the sandbox does about system calls that change users.
Arguments command_line(const MachineSpec& spec,
                       const RuntimeFiles& files,
                       const std::string& privileges) {
  Arguments out{
      kQemu,
      "-name",
      spec.name,
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=" + privileges + ",spawn=deny,resourcecontrol=deny",
      "-pidfile",
      files.pid()};
  append(out, processor(spec));
  if (spec.kernel) {
    append(out, kernel(*spec.kernel));
  }
  append(out, disks_and_nics(spec));
  if (spec.cloud_init) {
    append(out,
           {"-blockdev",
            to_blockdev({"cidata", spec.cloud_init->image, ImageFormat::kRaw, true}),
            "-device",
            "virtio-blk-pci,drive=cidata,serial=cidata"});
  }
  append(out, {"-object", "rng-builtin,id=rng0", "-device", "virtio-rng-pci,rng=rng0"});
  append(out, channels(files));
  if (spec.tpm) {
    append(out, tpm(files));
  }
  if (spec.vsock_cid) {
    append(out, {"-device", "vhost-vsock-pci,guest-cid=" + std::to_string(*spec.vsock_cid)});
  }
  if (spec.screen != Screen::kNone) {
    append(out, screen(spec.screen, files));
  }
  return out;
}

}  // namespace

std::vector<std::string> qemu_argv(const MachineSpec& spec, const RuntimeFiles& files) {
  return command_line(spec, files, "deny");
}

std::vector<std::string> qemu_argv_as(const MachineSpec& spec,
                                      const RuntimeFiles& files,
                                      std::uint32_t user) {
  // The sandbox is in force before qemu changes its user, and "deny" would kill it then. After the
  // change there is no privilege left that these calls could give.
  Arguments out = command_line(spec, files, "allow");
  const std::string id = std::to_string(user);
  // Its path is relative: the directories above own() can't be entered by that user.
  append(out, {"-runas", id + ":" + id, "-chardev", server_socket("alive", RuntimeFiles::kAlive)});
  return out;
}

}  // namespace mosb::kvm
