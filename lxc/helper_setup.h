#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "lxc/config_items.h"
#include "lxc/log_file.h"
#include "lxc/profile_facts.h"
#include "lxc/spec_codec.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// Descriptors that mosb-run is started with, beside 0, 1 and 2.
constexpr int kHelperSpecFd = 3;
constexpr int kHelperInitSpecFd = 4;
constexpr int kHelperReportFd = 5;
/// Only for Network::kConnected.
constexpr int kHelperConnectFd = 6;

/// Changes the configuration before liblxc sees it. For tests of what happens when protection is
/// missing; the product's own passes everything as it is.
using ItemsHook = std::function<void(std::vector<ConfigItem>&)>;

/// Everything that a helper holds while its container runs.
struct HelperState {
  HelperSpec helper;
  std::string run_id;
  /// Held as long as the helper lives.
  UniqueFd lock;
  UniqueFd run_dir;
  UniqueFd state_dir;
  LogFile log;
  Cgroup service;
  HostFacts host;
  ConfigHost config;
  ProfileFacts expected;
  std::vector<std::string> degraded;
  /// For process 1, once its facts are right.
  UniqueFd init_spec;
  UniqueFd listener;
  /// Of the container, our side.
  UniqueFd out;
  UniqueFd err;
  UniqueFd control;
  /// The process that runs liblxc.
  pid_t monitor = -1;
  UniqueFd monitor_pidfd;

  /// Directories by descriptor: their paths are not in our own root.
  std::string run_path() const;
  std::string state_path() const;
};

/// Takes the lock, makes cgroup, log, sockets, private root and network namespace, and forks the
/// process that runs liblxc. On an error only our
/// cgroups and the lock are left.
Result<HelperState> set_up(const HelperSpec& helper, UniqueFd init_spec, const ItemsHook& hook);

/// The last thing a helper does: out of its cgroup, so that the cgroup can go.
Status leave_monitor_cgroup(const ContainerSpec& spec);

/// What liblxc said last, for an error message; "" if nothing.
std::string last_lxc_words();

}  // namespace mosb::lxc
