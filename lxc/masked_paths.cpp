#include "lxc/masked_paths.h"

#include <array>
#include <string_view>

#include <glob.h>
#include <sys/stat.h>

#include "mosb/base/sys.h"

namespace mosb::lxc {

namespace {

/// OCI runtimes' list, and what tells of other machines' work: power, interrupts, kernel memory.
constexpr auto kMasked = std::to_array<std::string_view>({
    "/proc/acpi",
    "/proc/asound",
    "/proc/config.gz",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpage*",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/system/cpu/*/thermal_throttle",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/bpf",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
});

constexpr auto kReadOnly = std::to_array<std::string_view>({
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/pressure",
    "/proc/sysrq-trigger",
});

void add_matches(const std::string& root,
                 std::string_view pattern,
                 std::vector<MaskedPath>& found) {
  const std::string prefix = root == "/" ? "" : root;
  glob_t matches{};
  if (::glob((prefix + std::string(pattern)).c_str(), GLOB_NOSORT, nullptr, &matches) == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
      const std::string path = matches.gl_pathv[i];
      if (const auto st = sys::lstat(path)) {
        found.push_back({path.substr(prefix.size()), S_ISDIR(st->st_mode)});
      }
    }
  }
  ::globfree(&matches);
}

}  // namespace

std::vector<MaskedPath> masked_paths(const std::string& root) {
  std::vector<MaskedPath> found;
  for (const std::string_view pattern : kMasked) {
    add_matches(root, pattern, found);
  }
  return found;
}

std::vector<std::string> read_only_proc_paths(const std::string& root) {
  std::vector<MaskedPath> found;
  for (const std::string_view pattern : kReadOnly) {
    add_matches(root, pattern, found);
  }
  std::vector<std::string> paths;
  for (MaskedPath& entry : found) {
    paths.push_back(std::move(entry.path));
  }
  return paths;
}

}  // namespace mosb::lxc
