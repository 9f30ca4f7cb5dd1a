#include "provider-kvm/disk_files.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

/// Copying an image of many GiB takes its time.
constexpr std::chrono::minutes kCopyTime{60};
constexpr ByteCount kMaxVars{16 * kMiB};
constexpr const char* kUnfinished = ".mosb-new";

const char* format_name(ImageFormat format) {
  return format == ImageFormat::kQcow2 ? "qcow2" : "raw";
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Puts a finished file to its name, but never over another.
Status put_in_place(const std::string& unfinished, const std::string& path) {
  const UniqueFd file = MOSB_TRY(sys::open(unfinished, O_RDONLY));
  MOSB_CHECK(sys::fsync(file.get(), unfinished));
  if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) < 0) {
    const int err = errno;
    return Error::sys("put " + quote(path) + " in place", err);
  }
  return fsync_dir(folder_of(path));
}

Status qemu_img(std::vector<std::string> arguments,
                const std::string& path,
                const CgroupEntrance* cgroup,
                ProcessRunner& processes) {
  Command command;
  command.argv = {"qemu-img"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = program_environment();
  command.timeout = kCopyTime;
  command.cgroup = cgroup;
  auto done = processes.run(command);
  if (!done) {
    const bool missing = done.error().code() == Errc::kNotFound;
    return missing ? Error(Errc::kHost, done.error().message())
                         .with_hint("install the package qemu-utils")
                   : std::move(done).error();
  }
  if (done->status != 0) {
    const bool full = done->err.find("No space left") != std::string::npos;
    return Error(
        full ? Errc::kResource : Errc::kBoot,
        "make disk " + quote(path) + ": " + escape(done->err.substr(0, done->err.find('\n'))));
  }
  return ok();
}

std::vector<std::string> arguments_for(const Disk& disk, const std::string& unfinished) {
  const std::string format = format_name(disk.format);
  if (disk.copy_of) {
    return {"convert", "-f", format, "-O", format, "--", *disk.copy_of, unfinished};
  }
  return {"create", "-q", "-f", format, "--", unfinished, std::to_string(disk.size->value)};
}

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) {
    value = value << 8U | std::to_integer<std::uint64_t>(byte);
  }
  return value;
}

/// An image can name other files of the host, which qemu would open as whoever runs it.
/// Spec: qemu's docs/interop/qcow2.txt, header.
Status check_stands_alone(const std::string& path, ImageFormat format) {
  if (format != ImageFormat::kQcow2) {
    return ok();
  }
  constexpr std::size_t kHeader = 80;
  constexpr std::uint64_t kMagic = 0x514649fb;
  constexpr std::uint64_t kExternalData = 4;
  std::array<std::byte, kHeader> bytes{};
  const UniqueFd file = MOSB_TRY(sys::open(path, O_RDONLY | O_NONBLOCK));
  const std::span<const std::byte> header(bytes);
  if (MOSB_TRY(sys::pread(file.get(), bytes, 0)) < kHeader ||
      big_endian(header.subspan(0, 4)) != kMagic) {
    return Error(Errc::kManifest, "disk " + quote(path) + " is no qcow2 image");
  }
  const bool has_features = big_endian(header.subspan(4, 4)) >= 3;
  if (big_endian(header.subspan(8, 8)) != 0 ||
      (has_features && (big_endian(header.subspan(72, 8)) & kExternalData) != 0)) {
    return Error(Errc::kManifest, "disk " + quote(path) + " takes its content from another file")
        .with_hint("if you trust that file: qemu-img convert -O qcow2 OLD NEW");
  }
  return ok();
}

Status make_disk(const Disk& disk, const CgroupEntrance* cgroup, ProcessRunner& processes) {
  if (path_exists(disk.path)) {
    return check_stands_alone(disk.path, disk.format);
  }
  if (!disk.size && !disk.copy_of) {
    return Error(Errc::kManifest, "there is no disk " + quote(disk.path))
        .with_hint("give it a 'size' to have it made");
  }
  if (!path_exists(folder_of(disk.path))) {
    return Error(Errc::kManifest, "there is no folder for disk " + quote(disk.path));
  }
  if (disk.copy_of && !path_exists(*disk.copy_of)) {
    return Error(Errc::kManifest, "there is no disk " + quote(*disk.copy_of));
  }
  if (disk.copy_of) {
    MOSB_CHECK(check_stands_alone(*disk.copy_of, disk.format));
  }
  const std::string unfinished = disk.path + kUnfinished;
  MOSB_CHECK(sys::unlink(unfinished));
  ScopeExit remove([&] { (void)sys::unlink(unfinished); });
  MOSB_CHECK(qemu_img(arguments_for(disk, unfinished), disk.path, cgroup, processes));
  if (::chmod(unfinished.c_str(), 0600) < 0) {
    return Error::sys("chmod " + quote(unfinished), errno);
  }
  MOSB_CHECK(put_in_place(unfinished, disk.path));
  remove.dismiss();
  return ok();
}

Status make_vars(const Firmware& firmware) {
  if (!path_exists(firmware.code)) {
    return Error(Errc::kHost, "there is no firmware " + quote(firmware.code))
        .with_hint("install the package ovmf, or name another 'uefi-code'");
  }
  if (path_exists(firmware.vars)) {
    return ok();
  }
  const auto bytes = read_named_file(firmware.vars_template, kMaxVars);
  if (!bytes) {
    return bytes.error().context("the firmware's variables").as(Errc::kHost);
  }
  return write_file_atomic(firmware.vars, *bytes, 0600);
}

}  // namespace

Status make_missing_files(const MachineSpec& spec,
                          const CgroupEntrance* cgroup,
                          ProcessRunner& processes) {
  if (spec.firmware) {
    MOSB_CHECK(make_vars(*spec.firmware));
  }
  for (const Disk& disk : spec.disks) {
    MOSB_CHECK(make_disk(disk, cgroup, processes));
  }
  return ok();
}

}  // namespace mosb::kvm
