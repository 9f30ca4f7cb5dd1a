#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"

/// A virtual machine with every question answered: paths are absolute, addresses and ports chosen.
namespace mosb::kvm {

/// What runs the guest's instructions.
enum class Accel { kKvm, kTcg };

/// Of files that hold what a guest sees as memory or as a disk.
enum class ImageFormat { kRaw, kQcow2 };

/// Where the guest finds a disk.
enum class Attach { kVirtio, kScsi, kNvme, kIde, kUsb };

enum class DiskKind { kSsd, kHdd, kCdrom };

/// A disk whose file is missing is made before the first start, and never overwritten.
struct Disk {
  /// Absolute.
  std::string path;
  ImageFormat format = ImageFormat::kQcow2;
  DiskKind kind = DiskKind::kSsd;
  Attach attach = Attach::kScsi;
  /// If the file is missing it is made with this size; a multiple of 512.
  std::optional<ByteCount> size;
  /// If the file is missing it becomes a copy of this one (absolute, same format); not with `size`.
  std::optional<std::string> copy_of;
  /// The file is not written to. Always so for a cdrom.
  bool read_only = false;
  /// What the guest sees: letters, digits, '.', '_' and '-', at most 20.
  std::string serial;
  /// 512 or 4096.
  std::uint32_t block_size = 512;
  /// The lower is tried first; unique in the machine.
  std::optional<std::uint32_t> bootindex;
  /// Slot on the PCI bus, 1 to 30, unique in the machine. Only virtio and nvme.
  std::optional<std::uint8_t> slot;
  bool operator==(const Disk&) const = default;
};

enum class Protocol { kTcp, kUdp };

/// A port of the host that leads to a port of the guest.
struct HostForward {
  Protocol protocol = Protocol::kTcp;
  /// IPv4; nullopt: all addresses of the host.
  std::optional<IpAddress> host_address;
  std::uint16_t host_port = 0;
  /// IPv4; nullopt: the address that the user network gives the guest.
  std::optional<IpAddress> guest_address;
  std::uint16_t guest_port = 0;
  bool operator==(const HostForward&) const = default;
};

/// No cable.
struct NoNetwork {
  bool operator==(const NoNetwork&) const = default;
};
/// qemu's own network in user space, which reaches out, and in by the forwards only.
struct UserNetwork {
  std::vector<HostForward> forwards = {};
  bool operator==(const UserNetwork&) const = default;
};
/// A tap device of the host. It must exist before qemu starts.
struct TapNetwork {
  /// At most 15 bytes.
  std::string ifname;
  /// Whoever starts the machine makes the tap, attaches it to this bridge, and removes it after.
  /// nullopt: the tap is somebody else's, and stays.
  std::optional<std::string> bridge;
  bool operator==(const TapNetwork&) const = default;
};

/// What a card starts before an operating system is there.
struct OptionRom {
  enum class From {
    kDefault,  ///< qemu's own
    kNone,
    kFile,  ///< `path`
  };
  From from = From::kDefault;
  std::string path = {};
  bool operator==(const OptionRom&) const = default;
};

struct Nic {
  /// ^[a-z][a-z0-9-]{0,30}$, unique in the machine.
  std::string id;
  /// A network device of qemu, e.g. "virtio-net-pci".
  std::string device;
  /// Six pairs of hexadecimal digits with colons.
  std::string mac;
  std::variant<NoNetwork, UserNetwork, TapNetwork> network;
  OptionRom rom = {};
  std::optional<std::uint32_t> bootindex = std::nullopt;
  /// As of a disk.
  std::optional<std::uint8_t> slot = std::nullopt;
  bool operator==(const Nic&) const = default;
};

/// UEFI firmware in two flash devices.
struct Firmware {
  /// Shared by machines, never written to.
  std::string code;
  /// What a machine's variables are at first.
  std::string vars_template;
  /// The machine's own variables; a copy of the template is made if it is missing.
  std::string vars;
  ImageFormat format = ImageFormat::kRaw;
  /// The code checks what it starts, and only system management mode may write the variables.
  bool secure_boot = false;
  bool operator==(const Firmware&) const = default;
};

/// A TPM that swtpm plays.
struct Tpm {
  // NOLINTNEXTLINE(readability-identifier-naming): versions of the TPM
  enum class Version { k1_2, k2_0 };
  Version version = Version::k2_0;
  /// The machine's own; made and set up if it is missing.
  std::string state_dir;
  bool operator==(const Tpm&) const = default;
};

/// A Linux kernel that is started without a boot loader.
struct Kernel {
  std::string image;
  /// "" for none.
  std::string initrd = {};
  std::string command_line = {};
  bool operator==(const Kernel&) const = default;
};

/// A small read-only disk that cloud-init reads its settings from, labelled "cidata".
struct CloudInit {
  /// The image; made anew from the texts at each start.
  std::string image;
  std::string user_data;
  std::string meta_data;
  /// "" for none.
  std::string network_config = {};
  bool operator==(const CloudInit&) const = default;
};

/// Who may see the guest's screen, by a socket in the run directory.
enum class Screen { kNone, kSpice, kVnc };

struct MachineSpec {
  /// ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$
  std::string name;
  Accel accel = Accel::kKvm;
  unsigned cpus = 4;
  ByteCount memory{4096 * kMiB};
  /// nullopt: qemu's own BIOS; only with a kernel.
  std::optional<Firmware> firmware;
  std::optional<Kernel> kernel;
  std::optional<Tpm> tpm;
  std::vector<Disk> disks;
  std::vector<Nic> nics;
  std::optional<CloudInit> cloud_init;
  /// The guest's address on a vsock, 3 to 2^32 - 2.
  std::optional<std::uint32_t> vsock_cid;
  Screen screen = Screen::kNone;
  /// Nothing of it is kept once it stops.
  bool ephemeral = false;
  bool operator==(const MachineSpec&) const = default;
};

/// The rules above, before anything is done: whatever becomes part of an argument of qemu has no
/// comma and no control character. Errors: kManifest, naming the field.
Status check_spec(const MachineSpec& spec);

}  // namespace mosb::kvm
