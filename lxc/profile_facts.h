#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "lxc/config_items.h"
#include "lxc/container_spec.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// What is true of process 1 of a container before its program runs, by name: "uid_map",
/// "CapEff", "NoNewPrivs", "mount /proc/kcore", "device /dev/null", "fd 0", … All that a wrong or
/// weakened start loses silently.
using ProfileFacts = std::map<std::string, std::string>;

/// What the helper knows of the host before it makes namespaces of its own.
struct HostFacts {
  /// By kind ("net", "user", …): the namespace's name, e.g. "net:[4026531840]".
  std::map<std::string, std::string> namespaces;
  /// Filters on the helper itself, which a child inherits.
  unsigned seccomp_filters = 0;
  /// cgroup controllers ("" for version 2) whose place is checked.
  std::vector<std::string> controllers;
  /// Limits that the container gets, by name of /proc/PID/limits.
  std::map<std::string, std::string> rlimits;
};

/// Errors: kHost.
Result<HostFacts> read_host_facts();

/// What mosb-init said of its probe calls: errno of each.
struct ProbeResults {
  int by_number = 0;
  int by_argument = 0;
};

/// The facts that `spec` asks for. Pure.
ProfileFacts expected_facts(const ContainerSpec& spec,
                            const ConfigHost& config,
                            const HostFacts& host);

/// The facts of process `pid`, read from /proc, its own root and the cgroup with its limits, for
/// the names in `expected`, and every open descriptor and namespace beside.
/// Errors: kRuntime if it is gone.
Result<ProfileFacts> read_facts(pid_t pid,
                                const ProfileFacts& expected,
                                const HostFacts& host,
                                const Cgroup& limited);
/// Adds what mosb-init found out.
void add_probes(ProfileFacts& facts, const ProbeResults& probes);

/// One line per fact that is not as expected, missing or too many. Pure.
std::vector<std::string> differences(const ProfileFacts& expected, const ProfileFacts& actual);

}  // namespace mosb::lxc
