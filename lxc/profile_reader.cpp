#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lxc/profile_facts.h"
#include "lxc/resource_limits.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/proc_status.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxProcFile{4 * kMiB};
constexpr auto kNamespaces =
    std::to_array<const char*>({"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"});
constexpr auto kStatusFields = std::to_array<const char*>(
    {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"});

std::string read_link(const std::string& path) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
  return n < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(n));
}

Result<std::map<std::string, std::string>> read_namespaces(const std::string& proc) {
  std::map<std::string, std::string> found;
  for (const char* kind : kNamespaces) {
    const std::string name = read_link(proc + "/ns/" + kind);
    if (name.empty()) {
      return Error(Errc::kHost, "no namespace of kind '" + std::string(kind) + "' in " + proc);
    }
    found[kind] = name;
  }
  return found;
}

/// Whose each of its namespaces is. The helper's own are no others' either: on its network liblxc
/// listens.
Status compare_namespaces(const std::string& proc, const HostFacts& host, ProfileFacts& facts) {
  const std::map<std::string, std::string> helpers = MOSB_TRY(read_namespaces("/proc/self"));
  for (const auto& [kind, name] : MOSB_TRY(read_namespaces(proc))) {
    const auto of_host = host.namespaces.find(kind);
    if (of_host != host.namespaces.end() && of_host->second == name) {
      facts["namespace " + kind] = "host";
    } else {
      facts["namespace " + kind] = helpers.at(kind) == name ? "helper" : "own";
    }
  }
  return ok();
}

/// "pipe:[123]" → "pipe", "/memfd:x (deleted)" → "/memfd".
std::string descriptor_kind(const std::string& link) {
  return link.substr(0, link.find(':'));
}

Status read_descriptors(const std::string& proc, ProfileFacts& facts) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir((proc + "/fd").c_str()), ::closedir);
  if (!dir) {
    return Error::sys("list " + quote(proc + "/fd"), errno).as(Errc::kRuntime);
  }
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") {
      facts["fd " + name] = descriptor_kind(read_link(proc + "/fd/" + name));
    }
  }
  return ok();
}

struct MountLine {
  std::string options;
  std::string type;
};

/// The topmost mount at each place. Octal escapes stay: our own paths need none but volumes may.
std::map<std::string, MountLine> parse_mounts(std::string_view mountinfo) {
  std::map<std::string, MountLine> mounts;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() >= 6 && fields.end() - dash >= 2) {
      mounts[fields[4]] = {fields[5], dash[1]};
    }
  }
  return mounts;
}

/// As the kernel writes a path into mountinfo.
std::string mountinfo_path(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == ' ') {
      out += "\\040";
    } else if (c == '\\') {
      out += "\\134";
    } else if (c == '#') {
      out += "\\043";
    } else {
      out += c;
    }
  }
  return out;
}

/// Those of the wanted options that hold, in the wanted order, and the type where one is wanted.
std::string describe_mount(const MountLine& mount, const std::string& wanted) {
  const std::vector<std::string> have = split(mount.options, ',');
  const std::vector<std::string> parts = split(wanted, ' ');
  std::vector<std::string> held;
  for (const std::string& option : split(parts[0], ',')) {
    if (std::find(have.begin(), have.end(), option) != have.end()) {
      held.push_back(option);
    }
  }
  return join(held, ",") + (parts.size() > 1 ? " " + mount.type : "");
}

/// "c 1:3", looked up inside the container's root and never outside of it.
std::string describe_device(int root, const std::string& path) {
  const auto fd = sys::openat2(
      root, path.substr(1), O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (!fd) {
    return "missing";
  }
  const auto st = sys::fstat(fd->get(), path);
  if (!st || !S_ISCHR(st->st_mode)) {
    return "not a device";
  }
  return "c " + std::to_string(major(st->st_rdev)) + ":" + std::to_string(minor(st->st_rdev));
}

Status read_places(const std::string& proc, const ProfileFacts& expected, ProfileFacts& facts) {
  const std::map<std::string, MountLine> mounts = parse_mounts(
      MOSB_TRY(read_kernel_file(proc + "/mountinfo", kMaxProcFile).as(Errc::kRuntime)));
  const UniqueFd root =
      MOSB_TRY(sys::open(proc + "/root", O_PATH | O_DIRECTORY).as(Errc::kRuntime));
  constexpr std::string_view kMount = "mount ";
  constexpr std::string_view kDevice = "device ";
  for (const auto& [name, wanted] : expected) {
    if (name.compare(0, kMount.size(), kMount) == 0) {
      const auto found = mounts.find(mountinfo_path(name.substr(kMount.size())));
      facts[name] = found == mounts.end() ? "none" : describe_mount(found->second, wanted);
    } else if (name.compare(0, kDevice.size(), kDevice) == 0) {
      facts[name] = describe_device(root.get(), name.substr(kDevice.size()));
    }
  }
  return ok();
}

Status read_groups(pid_t pid, const HostFacts& host, ProfileFacts& facts) {
  const auto paths = parse_cgroup_membership(
      MOSB_TRY(read_kernel_file("/proc/" + std::to_string(pid) + "/cgroup", kMaxProcFile)));
  for (const std::string& controller : host.controllers) {
    const auto found = paths.find(controller);
    facts["cgroup " + controller] = found == paths.end() ? "none" : found->second;
  }
  return ok();
}

/// Only those that are wanted: what was not asked for may be what the host likes.
void add_read_limits(const CgroupLimits& limits,
                     const ProfileFacts& expected,
                     ProfileFacts& facts) {
  const auto add = [&](const std::string& name, std::optional<std::uint64_t> value) {
    if (expected.find(name) != expected.end()) {
      facts[name] = value ? std::to_string(*value) : "none";
    }
  };
  add("limit memory", limits.memory ? std::optional(limits.memory->value) : std::nullopt);
  add("limit pids", limits.pids);
  add("limit cpu", limits.cpu_millis);
}

}  // namespace

Result<HostFacts> read_host_facts() {
  HostFacts host;
  host.namespaces = MOSB_TRY(read_namespaces("/proc/self"));
  const auto status =
      parse_proc_status(MOSB_TRY(read_kernel_file("/proc/self/status", kMaxProcFile)));
  const auto filters = status.find("Seccomp_filters");
  if (filters == status.end()) {
    return Error(Errc::kHost, "the kernel does not count seccomp filters")
        .with_hint("Linux 5.9 or later with CONFIG_SECCOMP_FILTER is needed");
  }
  host.seccomp_filters = static_cast<unsigned>(MOSB_TRY(parse_uint(filters->second, 0, 1000)));
  const auto hierarchies =
      parse_cgroup_mounts(MOSB_TRY(read_kernel_file("/proc/self/mountinfo", kMaxProcFile)));
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    if (hierarchy.v2) {
      host.controllers.emplace_back();
    }
    for (const char* controller : {"memory", "pids", "cpu", "devices", "freezer"}) {
      const auto& offered = hierarchy.controllers;
      if (!hierarchy.v2 && std::find(offered.begin(), offered.end(), controller) != offered.end()) {
        host.controllers.emplace_back(controller);
      }
    }
  }
  return host;
}

Result<ProfileFacts> read_facts(pid_t pid,
                                const ProfileFacts& expected,
                                const HostFacts& host,
                                const Cgroup& limited) {
  const std::string proc = "/proc/" + std::to_string(pid);
  ProfileFacts facts;
  const auto status = parse_proc_status(
      MOSB_TRY(read_kernel_file(proc + "/status", kMaxProcFile).as(Errc::kRuntime)));
  for (const char* field : kStatusFields) {
    const auto found = status.find(field);
    facts[field] = found == status.end() ? "none" : found->second;
  }
  for (const char* map : {"uid_map", "gid_map"}) {
    facts[map] = squeeze_blanks(
        MOSB_TRY(read_kernel_file(proc + "/" + map, kMaxProcFile).as(Errc::kRuntime)));
  }
  MOSB_CHECK(compare_namespaces(proc, host, facts));
  if (expected.find("apparmor") != expected.end()) {
    const auto label = read_kernel_file(proc + "/attr/current", kMaxProcFile);
    facts["apparmor"] = label ? squeeze_blanks(*label) : "none";
  }
  for (const auto& [name, value] : read_resource_limits(pid)) {
    facts["rlimit " + name] = value;
  }
  MOSB_CHECK(read_groups(pid, host, facts));
  add_read_limits(MOSB_TRY(limited.limits()), expected, facts);
  MOSB_CHECK(read_descriptors(proc, facts));
  MOSB_CHECK(read_places(proc, expected, facts));
  return facts;
}

}  // namespace mosb::lxc
