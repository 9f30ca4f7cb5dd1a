#include "mosb/agent/machine_disks.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

using manifest::Machine;
using manifest::MachineDisk;

/// What virtio and nvme have room for.
constexpr std::size_t kMostSerial = 20;

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// "ssd-root" for root.qcow2, as project machine's tool calls it; of a cdrom the name alone.
std::string serial_of(const std::string& path, MachineDisk::Type type) {
  std::string name = file_name(path);
  name = name.substr(0, name.rfind('.'));
  std::string serial = type == MachineDisk::Type::kSsd   ? "ssd-"
                       : type == MachineDisk::Type::kHdd ? "hdd-"
                                                         : "";
  for (const char c : name) {
    const bool good =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    serial += good ? c : '_';
  }
  return serial.empty() ? "disk" : serial.substr(0, kMostSerial);
}

/// Adds a number to what `used` has already. `room` is the longest that may be, 0 for any.
std::string unique(const std::string& name, std::size_t room, std::set<std::string>& used) {
  std::string candidate = name;
  for (unsigned number = 2; !used.insert(candidate).second; ++number) {
    const std::string suffix = "-" + std::to_string(number);
    const std::size_t kept = room == 0 ? name.size() : std::min(name.size(), room - suffix.size());
    candidate = name.substr(0, kept) + suffix;
  }
  return candidate;
}

kvm::Attach to_attach(MachineDisk::Attach attach) {
  switch (attach) {
    case MachineDisk::Attach::kScsi:
      return kvm::Attach::kScsi;
    case MachineDisk::Attach::kVirtio:
      return kvm::Attach::kVirtio;
    case MachineDisk::Attach::kNvme:
      return kvm::Attach::kNvme;
    case MachineDisk::Attach::kIde:
      return kvm::Attach::kIde;
    case MachineDisk::Attach::kUsb:
      return kvm::Attach::kUsb;
  }
  return kvm::Attach::kScsi;
}

kvm::DiskKind to_kind(MachineDisk::Type type) {
  switch (type) {
    case MachineDisk::Type::kSsd:
      return kvm::DiskKind::kSsd;
    case MachineDisk::Type::kHdd:
      return kvm::DiskKind::kHdd;
    case MachineDisk::Type::kCdrom:
      return kvm::DiskKind::kCdrom;
  }
  return kvm::DiskKind::kSsd;
}

/// The boot order: what has a number; `first`; the other disks as listed; the cdroms.
void fill_bootindexes(const Machine& machine,
                      const std::vector<bool>& bootable,
                      std::vector<kvm::Disk>& disks) {
  if (machine.kernel) {
    // The kernel is what is started: qemu gives it the index 0 itself.
    return;
  }
  std::uint32_t next = 0;
  const auto pass = [&next](const std::optional<std::uint32_t>& index) {
    next = index ? std::max(next, *index + 1) : next;
  };
  const auto cdrom = [](const kvm::Disk& disk) { return disk.kind == kvm::DiskKind::kCdrom; };
  if (machine.boot == manifest::MachineBoot::kCdrom) {
    // The drive of `cdrom` stands last, and goes before one in the list.
    auto first = machine.cdrom.empty() ? std::find_if(disks.begin(), disks.end(), cdrom)
                                       : std::prev(disks.end());
    if (first != disks.end() && !first->bootindex) {
      first->bootindex = 0;
    }
  }
  for (const kvm::Disk& disk : disks) {
    pass(disk.bootindex);
  }
  for (const manifest::MachineNic& nic : machine.nics) {
    pass(nic.bootindex);
  }
  for (const bool want_cdrom : {false, true}) {
    for (std::size_t i = 0; i < disks.size(); ++i) {
      if (bootable[i] && !disks[i].bootindex && cdrom(disks[i]) == want_cdrom) {
        disks[i].bootindex = next++;
      }
    }
  }
}

bool is_own(const MachineDisk& disk) {
  return disk.file.find('/') == std::string::npos;
}

class Composer {
 public:
  /// Copies of files elsewhere get names that no disk in the machine's folder has.
  Composer(const Machine& machine, const MachinePaths& paths, const std::string& home)
      : paths_(paths), home_(home) {
    for (const MachineDisk& disk : machine.disks) {
      if (is_own(disk)) {
        files_.insert(disk.file);
      }
    }
  }

  Result<kvm::Disk> compose(const MachineDisk& disk) {
    kvm::Disk out;
    out.format = disk.format == MachineDisk::Format::kRaw ? kvm::ImageFormat::kRaw
                                                          : kvm::ImageFormat::kQcow2;
    out.kind = to_kind(disk.type);
    out.attach = to_attach(disk.attach);
    out.size = disk.size;
    out.read_only = disk.read_only || disk.type == MachineDisk::Type::kCdrom;
    out.serial = unique(serial_of(disk.file, disk.type), kMostSerial, serials_);
    out.block_size = disk.block_size;
    out.bootindex = disk.bootindex;
    out.slot = disk.slot;
    MOSB_CHECK(place(disk, out));
    return out;
  }

 private:
  /// A disk from elsewhere is the machine's to change only as a copy, so that two machines can be
  /// made from one image.
  Status place(const MachineDisk& disk, kvm::Disk& out) {
    if (is_own(disk)) {
      out.path = paths_.disk(disk.file);
      return ok();
    }
    out.path = MOSB_TRY(absolute_path(disk.file, home_));
    if (!out.size && !out.read_only) {
      out.copy_of = out.path;
      out.path = paths_.disk(unique(file_name(out.path), 0, files_));
    }
    return ok();
  }

  const MachinePaths& paths_;
  const std::string& home_;
  std::set<std::string> serials_ = {};
  std::set<std::string> files_ = {};
};

}  // namespace

Result<std::string> absolute_path(const std::string& path, const std::string& home) {
  if (!path.starts_with("~/")) {
    return path;
  }
  if (home.empty() || home.front() != '/') {
    return Error(Errc::kUsage, "what '~' is in " + quote(path) + " is not known: HOME is not set")
        .with_hint("write the whole path");
  }
  return home + path.substr(1);
}

Result<std::vector<kvm::Disk>> compose_disks(const Machine& machine,
                                             const MachinePaths& paths,
                                             const std::string& home) {
  Composer composer(machine, paths, home);
  std::vector<kvm::Disk> disks;
  std::vector<bool> bootable;
  for (const MachineDisk& disk : machine.disks) {
    disks.push_back(MOSB_TRY(composer.compose(disk)));
    bootable.push_back(disk.bootable);
  }
  if (!machine.cdrom.empty()) {
    MachineDisk drive;
    drive.file = machine.cdrom;
    drive.format = MachineDisk::Format::kRaw;
    drive.attach = MachineDisk::Attach::kIde;
    drive.type = MachineDisk::Type::kCdrom;
    disks.push_back(MOSB_TRY(composer.compose(drive)));
    bootable.push_back(true);
  }
  fill_bootindexes(machine, bootable, disks);
  return disks;
}

}  // namespace mosb::agent
