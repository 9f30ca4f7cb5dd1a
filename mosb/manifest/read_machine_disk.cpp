#include <array>

#include "mosb/base/text.h"
#include "mosb/manifest/machine_fields.h"
#include "mosb/manifest/read_machine.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

using Attach = MachineDisk::Attach;
using Type = MachineDisk::Type;

constexpr std::array<std::string_view, 5> kAttachWords{"scsi", "virtio", "nvme", "ide", "usb"};
constexpr std::array<Attach, 5> kAttaches{
    Attach::kScsi, Attach::kVirtio, Attach::kNvme, Attach::kIde, Attach::kUsb};

Result<std::uint32_t> as_block_size(const Node& node) {
  const auto size = static_cast<std::uint32_t>(MOSB_TRY(as_uint(node, 0, 4096)));
  if (size != 0 && size != 512 && size != 4096) {
    return Error(Errc::kManifest, "is neither 512 nor 4096");
  }
  return size == 0 ? 512 : size;
}

void read_kind(const ObjectReader& disk, MachineDisk& out) {
  static constexpr std::array<std::string_view, 3> kTypes{"ssd", "hdd", "cdrom"};
  static constexpr std::array<Type, 3> kTypeValues{Type::kSsd, Type::kHdd, Type::kCdrom};
  static constexpr std::array<std::string_view, 2> kFormats{"qcow2", "raw"};
  if (const auto type = read_word(disk, "type", kTypes)) {
    out.type = kTypeValues[*type];
  }
  if (const auto attach = read_word(disk, "attach", kAttachWords)) {
    out.attach = kAttaches[*attach];
  }
  const auto format = read_word(disk, "format", kFormats);
  const std::size_t fallback = out.type == Type::kCdrom ? 1 : 0;
  out.format =
      format.value_or(fallback) == 1 ? MachineDisk::Format::kRaw : MachineDisk::Format::kQcow2;
}

void check_cdrom(const ObjectReader& disk, const MachineDisk& out) {
  if (out.attach == Attach::kVirtio || out.attach == Attach::kNvme) {
    disk.problem("attach",
                 disk.find("attach")->mark,
                 "no cdrom can be on " + quote(kAttachWords[static_cast<std::size_t>(out.attach)]) +
                     ": use scsi, ide or usb");
  }
  if (out.size) {
    disk.problem("size", disk.find("size")->mark, "an empty cdrom would be of no use");
  }
}

void check_combination(const ObjectReader& disk, const MachineDisk& out) {
  if (out.type == Type::kCdrom) {
    check_cdrom(disk, out);
  } else if (out.attach == Attach::kIde && out.read_only) {
    disk.problem("read-only", disk.find("read-only")->mark, "qemu has no read-only ide disks");
  }
  if (out.size && out.read_only) {
    disk.problem(
        "size", disk.find("size")->mark, "a new disk that nobody can write to is of no use");
  }
  if (out.block_size != 512 && (out.type == Type::kCdrom || out.attach == Attach::kIde)) {
    disk.problem("blocksize", disk.find("blocksize")->mark, "an ide disk or a cdrom has 512");
  }
}

void warn_about(const ObjectReader& disk, MachineDisk& out, MachineFindings& findings) {
  if (out.block_size != 512) {
    findings.warn(disk,
                  "blocksize",
                  "is now what the guest sees; project machine's tool gave it 512, so a disk that "
                  "was partitioned there must say 512");
  }
  const bool on_pci = out.attach == Attach::kVirtio || out.attach == Attach::kNvme;
  if (out.slot && !on_pci) {
    findings.warn(disk, "addr", "has no effect: only disks on virtio and nvme have an address");
    out.slot.reset();
  }
}

}  // namespace

MachineDisk read_machine_disk(const Node& node,
                              const std::string& path,
                              MachineFindings& findings) {
  const ObjectReader disk(node, path, machine_disk_fields(), findings.problems);
  MachineDisk out;
  disk.demand("file");
  out.file = disk.get("file", as_disk_file).value_or("");
  if (!out.file.empty()) {
    findings.values.add(
        "file " + quote(out.file), disk.find("file")->mark, disk.path("file"), findings.problems);
  }
  read_kind(disk, out);
  out.size = read_given(disk, "size", as_disk_size);
  if (out.size && out.size->value == 0) {
    out.size.reset();
  }
  out.read_only = read_given(disk, "read-only", as_bool).value_or(false);
  out.block_size = read_given(disk, "blocksize", as_block_size).value_or(512);
  out.bootable = !is_off(disk.find("bootindex"));
  out.bootindex = read_bootindex(disk, findings);
  out.slot = read_slot(disk, findings);
  check_combination(disk, out);
  warn_about(disk, out, findings);
  return out;
}

}  // namespace mosb::manifest
