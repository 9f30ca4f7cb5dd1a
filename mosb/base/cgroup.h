#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb {

/// One mounted cgroup hierarchy.
struct CgroupHierarchy {
  bool v2 = false;
  /// Where it is mounted, e.g. "/sys/fs/cgroup" or "/sys/fs/cgroup/memory".
  std::string mount_point;
  /// Version 1: "memory", or "name=systemd". Version 2: what its root offers.
  std::vector<std::string> controllers;
};

/// The hierarchies of this host as /proc/self/mountinfo text names them (pure).
std::vector<CgroupHierarchy> parse_cgroup_mounts(std::string_view mountinfo);
/// The paths in /proc/PID/cgroup by controller; version 2 under "" (pure).
std::map<std::string, std::string> parse_cgroup_membership(std::string_view text);

/// What a cgroup and everything below it may use; nullopt: not limited.
struct CgroupLimits {
  std::optional<ByteCount> memory;
  std::optional<std::uint64_t> pids;
  /// Thousandths of one processor.
  std::optional<std::uint32_t> cpu_millis;
  /// The memory that counts is that in use; what the host moved to its swap does not.
  bool may_swap = false;
  bool operator==(const CgroupLimits&) const = default;
};

/// The way into a cgroup for a process that is just being made (spawn()).
struct CgroupEntrance {
  /// Of the cgroup, for messages.
  std::string name;
  /// Version 2: its directory, for CLONE_INTO_CGROUP. Closed on a host without it.
  UniqueFd directory;
  /// Version 1: a "tasks" file of each hierarchy, for the child to write "0" to. A thread that
  /// moves itself is the one case in which the kernel waits for nobody.
  std::vector<UniqueFd> tasks;
};

/// A cgroup "mosb-<instance>/…" in every hierarchy of the host that it needs: version 2, and the
/// version 1 controllers memory, pids, cpu, devices and freezer. Not an owner: the directories stay
/// until remove().
class Cgroup {
 public:
  /// Makes it with its parents; an existing one is taken as it is. In version 2 the controllers
  /// cpu, memory and pids are handed down to it where the host has them.
  /// `name` is "a/b/c" of [A-Za-z0-9._-] components (kUsage otherwise).
  /// Errors: kHost if the host has no cgroups mounted below /sys/fs/cgroup.
  static Result<Cgroup> create(const std::string& name);
  /// Moves a process out of every cgroup, to the root of each hierarchy.
  static Status move_to_root(pid_t pid);
  /// The cgroup of that name, whether or not it exists; changes nothing.
  static Result<Cgroup> at(const std::string& name);

  const std::string& name() const { return name_; }
  bool exists() const;
  /// Moves a process here, with all its threads. It waits for every fork and exit of the host to
  /// pass, which takes milliseconds: new processes are better born here (entrance()).
  Status add(pid_t pid) const;
  /// What a new process needs to begin here.
  Result<CgroupEntrance> entrance() const;
  /// Sets the limits; memory includes swap unless it may be used. Errors: kHost if the host lacks a
  /// controller that a limit needs, naming it.
  Status set_limits(const CgroupLimits& limits) const;
  /// The limits as the kernel has them.
  Result<CgroupLimits> limits() const;
  /// The processes here and below, in any hierarchy.
  Result<std::vector<pid_t>> processes() const;
  /// The names of the cgroups directly below, in any hierarchy.
  Result<std::vector<std::string>> children() const;
  bool contains(pid_t pid) const;
  /// How many processes the kernel has killed here for lack of memory; in version 2 below, too.
  Result<std::uint64_t> oom_kills() const;
  /// SIGKILL to everything here and below, again and again until nothing is left.
  /// Errors: kBusy if processes remain after `timeout`, naming one.
  Status kill_all(std::chrono::milliseconds timeout) const;
  /// Removes it with the cgroups below, and parents that are left without a child. Gone is success.
  /// Errors: kBusy if processes are in it.
  Status remove() const;

 private:
  using HostHierarchies = std::shared_ptr<const std::vector<CgroupHierarchy>>;
  static Result<HostHierarchies> host_hierarchies();
  Cgroup(std::string name, HostHierarchies hierarchies)
      : name_(std::move(name)), hierarchies_(std::move(hierarchies)) {}
  std::string dir(const CgroupHierarchy& hierarchy) const {
    return hierarchy.mount_point + "/" + name_;
  }
  /// The hierarchy that has a controller, or nullptr.
  const CgroupHierarchy* of(std::string_view controller) const;
  Status make_directories() const;

  std::string name_;
  HostHierarchies hierarchies_;
};

}  // namespace mosb
