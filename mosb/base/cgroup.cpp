#include "mosb/base/cgroup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <thread>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr ByteCount kMaxKernelFile{4 * kMiB};
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
constexpr unsigned kCpuPeriodUs = 100'000;
/// Version 1 controllers whose directories we make; cpuset would need settings of its own first.
constexpr std::array<std::string_view, 5> kOwnControllers{
    "memory", "pids", "cpu", "devices", "freezer"};

bool offers(const CgroupHierarchy& hierarchy, std::string_view controller) {
  return std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
         hierarchy.controllers.end();
}

/// Whether create() makes a directory there.
bool is_ours(const CgroupHierarchy& hierarchy) {
  return hierarchy.v2 || std::any_of(kOwnControllers.begin(),
                                     kOwnControllers.end(),
                                     [&](std::string_view c) { return offers(hierarchy, c); });
}

Status check_name(const std::string& name) {
  for (const std::string& part : split(name, '/')) {
    const bool plain = std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    });
    if (part.empty() || part[0] == '.' || part.size() > 128 || !plain) {
      return Error(Errc::kUsage, "cgroup name " + quote(name) + " is not made of plain names");
    }
  }
  return ok();
}

Status write_value(const std::string& path, const std::string& value) {
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_WRONLY));
  return sys::write_all(fd.get(), std::as_bytes(std::span(value)))
      .context("write " + quote(value) + " to " + quote(path));
}

/// "max", "-1" and version 1's page-rounded maximum mean no limit.
std::optional<std::uint64_t> read_limit(const std::string& path) {
  const auto text = read_kernel_file(path, kMaxKernelFile);
  if (!text || text->empty()) {
    return std::nullopt;
  }
  const auto value = parse_uint(text->substr(0, text->find_first_of(" \n")), 0, kNoLimit);
  constexpr std::uint64_t kV1Unlimited = 0x7ffffffffffff000;
  if (!value || *value >= kV1Unlimited) {
    return std::nullopt;
  }
  return *value;
}

std::vector<std::string> subdirectories(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (!dir) {
    return names;
  }
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name(static_cast<const char*>(entry->d_name));
    if (entry->d_type == DT_DIR && name != "." && name != "..") {
      names.push_back(name);
    }
  }
  return names;
}

void collect_processes(const std::string& dir, std::set<pid_t>& pids) {
  if (const auto text = read_kernel_file(dir + "/cgroup.procs", kMaxKernelFile)) {
    for (const std::string& line : split(*text, '\n')) {
      if (const auto pid = parse_uint(line, 1, 1U << 30)) {
        pids.insert(static_cast<pid_t>(*pid));
      }
    }
  }
  for (const std::string& name : subdirectories(dir)) {
    collect_processes(dir + "/" + name, pids);
  }
}

Status remove_below(const std::string& dir) {
  for (const std::string& name : subdirectories(dir)) {
    MOSB_CHECK(remove_below(dir + "/" + name));
  }
  if (::rmdir(dir.c_str()) < 0 && errno != ENOENT) {
    const int err = errno;
    return Error::sys("remove cgroup " + quote(dir), err).as(Errc::kBusy);
  }
  return ok();
}

/// Hands the controllers that exist down to the children of `dir`. A controller that cannot be
/// handed down is missed by set_limits(), which says so.
void delegate_controllers(const std::string& dir) {
  for (const char* controller : {"+memory", "+pids", "+cpu"}) {
    (void)write_value(dir + "/cgroup.subtree_control", controller);
  }
}

Status make_in(const CgroupHierarchy& hierarchy, const std::string& name) {
  std::string dir = hierarchy.mount_point;
  for (const std::string& part : split(name, '/')) {
    if (hierarchy.v2) {
      delegate_controllers(dir);
    }
    dir += "/" + part;
    MOSB_CHECK(sys::mkdir(dir, 0755));
  }
  return ok();
}

Status kill_in_hierarchy(pid_t pid, const Cgroup& cgroup) {
  const auto pidfd = sys::pidfd_open(pid);
  // The number may belong to somebody else by now; the pidfd makes the second look decisive.
  if (!pidfd || !cgroup.contains(pid)) {
    return ok();
  }
  return sys::pidfd_send_signal(pidfd->get(), SIGKILL);
}

}  // namespace

std::vector<CgroupHierarchy> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupHierarchy> found;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) {
      continue;
    }
    const std::string& mount_point = fields[4];
    const std::string& type = dash[1];
    if (mount_point.compare(0, 14, "/sys/fs/cgroup") != 0 ||
        (type != "cgroup" && type != "cgroup2")) {
      continue;
    }
    CgroupHierarchy hierarchy{type == "cgroup2", mount_point, {}};
    if (!hierarchy.v2) {
      for (const std::string& option : split(dash[3], ',')) {
        if (option != "rw" && option != "ro") {
          hierarchy.controllers.push_back(option);
        }
      }
    }
    found.push_back(std::move(hierarchy));
  }
  return found;
}

std::map<std::string, std::string> parse_cgroup_membership(std::string_view text) {
  std::map<std::string, std::string> paths;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    for (const std::string& controller :
         split(std::string_view(line).substr(first + 1, second - first - 1), ',')) {
      paths[controller] = line.substr(second + 1);
    }
  }
  return paths;
}

/// What is mounted does not change while a process lives; reading it costs the more, the more is
/// mounted, and a command looks at a cgroup or two of each service.
Result<Cgroup::HostHierarchies> Cgroup::host_hierarchies() {
  static std::mutex mutex;
  static HostHierarchies known;
  const std::lock_guard<std::mutex> lock(mutex);
  if (known) {
    return known;
  }
  const std::string mounts = MOSB_TRY(read_kernel_file("/proc/self/mountinfo", kMaxKernelFile));
  std::vector<CgroupHierarchy> hierarchies = parse_cgroup_mounts(mounts);
  for (CgroupHierarchy& hierarchy : hierarchies) {
    if (hierarchy.v2) {
      const auto text =
          read_kernel_file(hierarchy.mount_point + "/cgroup.controllers", kMaxKernelFile);
      hierarchy.controllers =
          text ? split(text->substr(0, text->find('\n')), ' ') : std::vector<std::string>();
    }
  }
  if (std::none_of(hierarchies.begin(), hierarchies.end(), is_ours)) {
    return Error(Errc::kHost, "no cgroup hierarchy is mounted below '/sys/fs/cgroup'");
  }
  known = std::make_shared<const std::vector<CgroupHierarchy>>(std::move(hierarchies));
  return known;
}

Result<Cgroup> Cgroup::at(const std::string& name) {
  MOSB_CHECK(check_name(name));
  return Cgroup(name, MOSB_TRY(host_hierarchies()));
}

Status Cgroup::move_to_root(pid_t pid) {
  const std::string mounts = MOSB_TRY(read_kernel_file("/proc/self/mountinfo", kMaxKernelFile));
  for (const CgroupHierarchy& hierarchy : parse_cgroup_mounts(mounts)) {
    MOSB_CHECK(write_value(hierarchy.mount_point + "/cgroup.procs", std::to_string(pid)));
  }
  return ok();
}

Result<Cgroup> Cgroup::create(const std::string& name) {
  Cgroup cgroup = MOSB_TRY(at(name));
  // remove() of a sibling may take an empty parent away between two of our steps.
  constexpr int kAttempts = 10;
  Status made = ok();
  for (int i = 0; i < kAttempts; ++i) {
    made = cgroup.make_directories();
    if (made || made.error().sys_errno() != ENOENT) {
      break;
    }
  }
  MOSB_CHECK(std::move(made).context("make cgroup " + quote(name)));
  return cgroup;
}

Status Cgroup::make_directories() const {
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    if (is_ours(hierarchy)) {
      MOSB_CHECK(make_in(hierarchy, name_));
    }
  }
  return ok();
}

bool Cgroup::exists() const {
  return std::any_of(hierarchies_->begin(), hierarchies_->end(), [&](const CgroupHierarchy& h) {
    return path_exists(dir(h));
  });
}

const CgroupHierarchy* Cgroup::of(std::string_view controller) const {
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    if (offers(hierarchy, controller)) {
      return &hierarchy;
    }
  }
  return nullptr;
}

Status Cgroup::add(pid_t pid) const {
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    if (is_ours(hierarchy)) {
      MOSB_CHECK(
          write_value(dir(hierarchy) + "/cgroup.procs", std::to_string(pid))
              .context("move process " + std::to_string(pid) + " to cgroup " + quote(name_)));
    }
  }
  return ok();
}

Result<CgroupEntrance> Cgroup::entrance() const {
  CgroupEntrance entrance{.name = name_, .directory = {}, .tasks = {}};
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    if (!is_ours(hierarchy)) {
      continue;
    }
    if (hierarchy.v2) {
      entrance.directory = MOSB_TRY(sys::open(dir(hierarchy), O_RDONLY | O_DIRECTORY));
    } else {
      entrance.tasks.push_back(MOSB_TRY(sys::open(dir(hierarchy) + "/tasks", O_WRONLY)));
    }
  }
  return entrance;
}

Status Cgroup::set_limits(const CgroupLimits& limits) const {
  const auto need = [&](const char* controller) -> Result<const CgroupHierarchy*> {
    const CgroupHierarchy* hierarchy = of(controller);
    if (hierarchy == nullptr) {
      return Error(Errc::kHost,
                   "the host has no cgroup controller '" + std::string(controller) + "'");
    }
    return hierarchy;
  };
  if (limits.memory) {
    const CgroupHierarchy* h = MOSB_TRY(need("memory"));
    const std::string value = std::to_string(limits.memory->value);
    const std::string path = dir(*h) + "/memory.";
    MOSB_CHECK(write_value(path + (h->v2 ? "max" : "limit_in_bytes"), value));
    // Kernels without swap accounting have no such file; then there is no swap to limit.
    const std::string swap = path + (h->v2 ? "swap.max" : "memsw.limit_in_bytes");
    if (!limits.may_swap && path_exists(swap)) {
      MOSB_CHECK(write_value(swap, h->v2 ? "0" : value));
    }
    if (h->v2) {
      MOSB_CHECK(write_value(path + "oom.group", "1"));
    }
  }
  if (limits.pids) {
    const CgroupHierarchy* h = MOSB_TRY(need("pids"));
    MOSB_CHECK(write_value(dir(*h) + "/pids.max", std::to_string(*limits.pids)));
  }
  if (limits.cpu_millis) {
    const CgroupHierarchy* h = MOSB_TRY(need("cpu"));
    const std::string period = std::to_string(kCpuPeriodUs);
    const std::string quota =
        std::to_string(std::uint64_t{*limits.cpu_millis} * kCpuPeriodUs / 1000);
    if (h->v2) {
      MOSB_CHECK(write_value(dir(*h) + "/cpu.max", quota + " " + period));
    } else {
      MOSB_CHECK(write_value(dir(*h) + "/cpu.cfs_period_us", period));
      MOSB_CHECK(write_value(dir(*h) + "/cpu.cfs_quota_us", quota));
    }
  }
  return ok();
}

Result<CgroupLimits> Cgroup::limits() const {
  CgroupLimits limits;
  if (const CgroupHierarchy* h = of("memory")) {
    const auto value = read_limit(dir(*h) + (h->v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    limits.memory = value ? std::optional(ByteCount{*value}) : std::nullopt;
  }
  if (const CgroupHierarchy* h = of("pids")) {
    limits.pids = read_limit(dir(*h) + "/pids.max");
  }
  if (const CgroupHierarchy* h = of("cpu")) {
    if (const auto quota = read_limit(dir(*h) + (h->v2 ? "/cpu.max" : "/cpu.cfs_quota_us"))) {
      limits.cpu_millis = static_cast<std::uint32_t>(*quota * 1000 / kCpuPeriodUs);
    }
  }
  return limits;
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::set<pid_t> pids;
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    collect_processes(dir(hierarchy), pids);
  }
  return std::vector<pid_t>(pids.begin(), pids.end());
}

Result<std::vector<std::string>> Cgroup::children() const {
  std::set<std::string> names;
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    const std::vector<std::string> here = subdirectories(dir(hierarchy));
    names.insert(here.begin(), here.end());
  }
  return std::vector<std::string>(names.begin(), names.end());
}

bool Cgroup::contains(pid_t pid) const {
  const auto text = read_kernel_file("/proc/" + std::to_string(pid) + "/cgroup", kMaxKernelFile);
  if (!text) {
    return false;
  }
  const std::string own = "/" + name_;
  for (const auto& [controller, path] : parse_cgroup_membership(*text)) {
    if (path.compare(0, own.size(), own) == 0 &&
        (path.size() == own.size() || path[own.size()] == '/')) {
      return true;
    }
  }
  return false;
}

Result<std::uint64_t> Cgroup::oom_kills() const {
  const CgroupHierarchy* h = of("memory");
  if (h == nullptr) {
    return std::uint64_t{0};
  }
  const std::string text = MOSB_TRY(read_kernel_file(
      dir(*h) + (h->v2 ? "/memory.events" : "/memory.oom_control"), kMaxKernelFile));
  for (const std::string& line : split(text, '\n')) {
    if (line.compare(0, 9, "oom_kill ") == 0) {
      return parse_uint(line.substr(9), 0, kNoLimit);
    }
  }
  return std::uint64_t{0};
}

Status Cgroup::kill_all(std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::chrono::milliseconds pause{1};
  for (;;) {
    for (const CgroupHierarchy& hierarchy : *hierarchies_) {
      if (hierarchy.v2) {
        // Since Linux 5.14; without it, and for what is in version 1 only, process by process.
        (void)write_value(dir(hierarchy) + "/cgroup.kill", "1");
      }
    }
    const std::vector<pid_t> left = MOSB_TRY(processes());
    if (left.empty()) {
      return ok();
    }
    for (const pid_t pid : left) {
      MOSB_CHECK(kill_in_hierarchy(pid, *this));
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Errc::kBusy,
                   "process " + std::to_string(left.front()) + " in cgroup " + quote(name_) +
                       " did not end after SIGKILL");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
}

Status Cgroup::remove() const {
  for (const CgroupHierarchy& hierarchy : *hierarchies_) {
    MOSB_CHECK(remove_below(dir(hierarchy)));
    for (std::size_t slash = name_.rfind('/'); slash != std::string::npos && slash > 0;
         slash = name_.rfind('/', slash - 1)) {
      const std::string parent = hierarchy.mount_point + "/" + name_.substr(0, slash);
      if (::rmdir(parent.c_str()) < 0 && errno != ENOENT) {
        break;  // still in use by others
      }
    }
  }
  return ok();
}

}  // namespace mosb
