#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb {

struct Command {
  /// argv[0] is looked up in PATH unless it has a slash. No shell.
  std::vector<std::string> argv;
  /// "K=V"; the whole environment of the child.
  std::vector<std::string> env = {};
  /// Given to the child on standard input.
  std::string input = {};
  /// An open file that is the child's standard input instead, or -1.
  int input_fd = -1;
  std::chrono::milliseconds timeout{60'000};
  /// Of standard output and standard error, each.
  ByteCount output_limit{1 * kMiB};
  /// As of Spawn.
  const CgroupEntrance* cgroup = nullptr;
};

struct Completed {
  /// Exit code, or 128 + signal.
  int status = 0;
  std::string out;
  std::string err;
};

/// Runs other people's programs; tests record or replace it.
class ProcessRunner {
 public:
  ProcessRunner() = default;
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;
  ProcessRunner(ProcessRunner&&) = delete;
  ProcessRunner& operator=(ProcessRunner&&) = delete;
  virtual ~ProcessRunner() = default;
  /// Errors: kNotFound if there is no such program, kRuntime after the timeout (the child is
  /// killed) or too much output. A non-zero status is not an error.
  virtual Result<Completed> run(const Command& command) = 0;
};

class RealProcessRunner final : public ProcessRunner {
 public:
  Result<Completed> run(const Command& command) override;
};

/// A child to be started by fork and exec with nothing of ours: no descriptor but those named.
struct Spawn {
  /// The program's path (no PATH lookup), as argv[0] too.
  std::vector<std::string> argv;
  std::vector<std::string> env = {};
  /// fds[i] becomes descriptor i of the child; -1 gives /dev/null. All others are closed.
  std::vector<int> fds = {};
  /// The cgroup that the child is in from its first instruction on; nullptr: the caller's.
  const CgroupEntrance* cgroup = nullptr;
  /// The child becomes leader of a session of its own.
  bool new_session = true;
  /// An open directory that the child begins in, or -1: the caller's.
  int directory = -1;
  /// The number of a user and of a group, which the child becomes and which are all that it is:
  /// without capabilities or other groups. nullopt: the caller's.
  std::optional<std::uint32_t> user = std::nullopt;
  /// No program that the child runs gains a privilege (no_new_privs).
  bool no_new_privileges = false;
};

struct Child {
  pid_t pid;
  UniqueFd pidfd;
};

/// Errors: kRuntime if exec fails, naming the program, if the cgroup doesn't take it, or if it
/// can't become the user.
Result<Child> spawn(const Spawn& what);

/// Waits for the child's end, at most until `timeout` (nullopt: for ever) is over. The value is the
/// raw wait status, or nullopt after the timeout.
Result<std::optional<int>> wait_for(const Child& child,
                                    std::optional<std::chrono::milliseconds> timeout);

}  // namespace mosb
