#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// Ids 0..count-1 of the container are host_base..host_base+count-1 of the host.
struct IdRange {
  std::uint32_t host_base = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

/// What runs, byte for byte; any bytes but NUL. Ids are the container's.
struct ContainerProcess {
  std::vector<std::string> argv = {};
  /// "K=V"; the whole environment.
  std::vector<std::string> env = {};
  /// Absolute. Made in a writable root file system if it is missing there, else refused.
  std::string cwd = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  /// Supplementary groups.
  std::vector<std::uint32_t> groups = {};
  bool operator==(const ContainerProcess&) const = default;
};

/// A directory of the host in the container, with nodev and nosuid. Whoever needs its ids shifted
/// gives a source that is an idmapped mount already.
struct BindMount {
  std::string source;
  /// Absolute and normalised. Must exist in a read-only root file system.
  std::string dest;
  bool readonly = false;
  bool operator==(const BindMount&) const = default;
};

/// A regular file of the host over a file of the image, always read-only, with nodev, nosuid and
/// noexec. Its ids are not shifted: the service reads it only if everybody may. What is written
/// into the source is seen inside; another file renamed over it is not.
struct FileBind {
  /// No symlink at its end.
  std::string source;
  /// Absolute and normalised; no volume below it. Must be a regular file in a read-only root file
  /// system, and not below /tmp or /run, which are a tmpfs there. In a writable one it is made
  /// where it is missing or something else but a directory. Never reached through a symlink.
  std::string dest;
  bool operator==(const FileBind&) const = default;
};

struct Limits {
  std::optional<ByteCount> memory;
  /// Processes and threads.
  std::optional<std::uint64_t> pids = 512;
  /// Thousandths of one processor.
  std::optional<std::uint32_t> cpu_millis;
  bool operator==(const Limits&) const = default;
};

/// kNone: a network namespace with nothing but lo. kHost: the host's, without any right over it.
/// kConnected: one with lo that whoever starts the container connects to others (ConnectNetwork).
enum class Network { kNone, kHost, kConnected };

/// Everything about one container; no part of it comes from anywhere else.
struct ContainerSpec {
  /// "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
  std::string name;
  /// 8 lower-case hexadecimal digits; in every kernel name of the container.
  std::string instance;
  /// Host name inside: letters, digits, '-' and '.', at most 63 bytes.
  std::string hostname;
  /// A mounted directory of the host, with nodev and nosuid and its ids shifted already.
  std::string rootfs;
  /// Read-only, with tmpfs on /tmp and /run.
  bool rootfs_readonly = false;
  ContainerProcess process;
  /// nullopt: the host's ids; refused together with Network::kHost (kPolicy).
  std::optional<IdRange> idmap;
  Network network = Network::kNone;
  std::vector<BindMount> mounts;
  std::vector<FileBind> files;
  Limits limits;
  /// Number of the signal that asks the process to end.
  int stop_signal = 15;
  /// Of this container alone, e.g. /run/mosb/services/NAME: lock and volatile record. Made if
  /// missing, mode 0700.
  std::string run_dir;
  /// Of this container alone, e.g. /var/lib/mosb/state/services/NAME: durable exit record. Made if
  /// missing.
  std::string state_dir;
  /// The log file; older ones beside it as LOG.1 (the youngest) to LOG.<log_keep>.
  std::string log_path;
  /// A log file that would grow past this is rotated first.
  ByteCount log_max{10 * kMiB};
  unsigned log_keep = 5;
  bool operator==(const ContainerSpec&) const = default;
};

struct RuntimeEnvironment {
  /// Where mosb-run and mosb-init are.
  std::string libexec_dir;
  std::chrono::milliseconds start_timeout{30'000};
};

/// The rules above, before anything is done.
/// Errors: kRuntime, naming the field; kPolicy for host ids on the host's network.
Status check_spec(const ContainerSpec& spec);

/// Those of spec.files that are bound: not what a volume at or above its destination hides.
std::vector<FileBind> bound_files(const ContainerSpec& spec);

/// Both normalised.
bool is_at_or_below(const std::string& path, const std::string& dir);

}  // namespace mosb::lxc
