#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lxc/container.h"
#include "lxc/container_spec.h"
#include "lxc/exec.h"
#include "mosb/base/temp_dir.h"

namespace mosb::lxc {

/// A container's world for one test: a busybox root, directories and an instance of its own. At the
/// end it stops the container and fails the test if anything is left of it.
class Box {
 public:
  Box();
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;
  Box(Box&&) = delete;
  Box& operator=(Box&&) = delete;
  ~Box();  // NOLINT(bugprone-exception-escape): FAIL_CHECK() goes on after a failure

  ContainerSpec spec;
  RuntimeEnvironment environment;

  /// Makes spec.process run `sh -c SCRIPT`.
  void script(const std::string& text);
  /// Starts and requires that it worked.
  void start();
  ContainerId id() const { return id_of(spec); }
  ContainerFacts facts() const;
  /// Runs a command inside; standard output is the value.
  std::string output_of(const std::vector<std::string>& argv);
  /// Status of a command inside.
  int run(const std::vector<std::string>& argv);
  std::string log() const;
  /// Waits until the log has `text`; the test fails after the deadline.
  void wait_for_log(const std::string& text) const;
  /// Waits until the container has ended.
  ContainerFacts::Exit wait_for_end() const;
  /// A directory beside the root, owned by the container's root.
  std::string make_volume(const std::string& name) const;
  std::string dir() const { return dir_.path(); }
  /// The process at the other side of the lock and its child that runs liblxc.
  pid_t helper_pid() const;
  pid_t monitor_pid() const;

 private:
  TempDir dir_;
};

/// Everything that exists in the kernel or on disk for this container and should not: cgroups,
/// processes, sockets, records of a present run. Empty is good.
std::vector<std::string> leftovers(const ContainerId& id);

/// Polls until `done`; the value says whether it came to be before the deadline.
bool eventually(const std::function<bool()>& done,
                std::chrono::milliseconds timeout = std::chrono::seconds(20));

}  // namespace mosb::lxc
