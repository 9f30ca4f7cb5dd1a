#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine_disk.h"
#include "mosb/manifest/machine_nic.h"
#include "mosb/manifest/problem.h"

namespace mosb::manifest {

/// What runs the guest's instructions. kAuto: KVM where it works.
enum class MachineAccel { kAuto, kKvm, kTcg };

/// What is tried first. kDisk: the disks in the order of the list.
enum class MachineBoot { kDisk, kCdrom };

// NOLINTNEXTLINE(readability-identifier-naming): versions of the TPM
enum class MachineTpm { kNone, k1_2, k2_0 };

/// Who may see the screen.
enum class MachineScreen { kNone, kSpice, kVnc };

/// Settings for cloud-init in the guest, byte for byte; "" for none.
struct MachineCloudInit {
  std::string user_data;
  std::string meta_data;
  std::string network_config;
  bool operator==(const MachineCloudInit&) const = default;
};

/// A Linux kernel to be started without a boot loader.
struct MachineKernel {
  std::string image;
  /// "" for none.
  std::string initrd;
  std::string command_line;
  bool operator==(const MachineKernel&) const = default;
};

/// A virtual machine as machine.yaml describes it, checked. Paths are absolute or begin with "~/".
struct Machine {
  /// "" if the file gives none.
  std::string name;
  std::string description;
  /// Nothing of it is kept once it stops.
  bool ephemeral = false;
  MachineAccel accel = MachineAccel::kAuto;
  unsigned cpus = 4;
  ByteCount memory{4096 * kMiB};
  MachineBoot boot = MachineBoot::kDisk;
  /// The image in the drive that each machine with one has; "" for none.
  std::string cdrom;
  /// "" for what the host has.
  std::string uefi_code;
  std::string uefi_vars;
  bool secure_boot = false;
  std::optional<MachineKernel> kernel;
  MachineTpm tpm = MachineTpm::kNone;
  MachineScreen screen = MachineScreen::kNone;
  std::optional<MachineCloudInit> cloud_init;
  std::optional<std::uint32_t> vsock_cid;
  /// The file of a machine manifest whose ports are forwarded by the nic that says so; "" for none.
  std::string manifest;
  std::vector<MachineNic> nics;
  std::vector<MachineDisk> disks;
  bool operator==(const Machine&) const = default;
};

/// Either a machine or the problems that stand in its way.
struct CheckedMachine {
  std::optional<Machine> machine;
  /// In the order of the text.
  std::vector<Problem> problems;
  /// What is not refused but may surprise, above all where project machine's own tool did something
  /// else than the file says.
  std::vector<Problem> warnings;
};

/// Reads machine.yaml, by the rules of check() for YAML and JSON. Touches nothing but the text.
CheckedMachine check_machine(std::string_view text);

/// The error for problems that were found. `file_name` is for the message only.
Error machine_error(const std::vector<Problem>& problems, const std::string& file_name);

}  // namespace mosb::manifest
