#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "lxc/container.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// One run of a container that was begun; durable, in the state directory.
struct StartRecord {
  std::string run_id;
  std::string boot_id;
  SystemTime since;
};

/// Where the present run is; volatile, in the run directory. Means nothing unless the helper holds
/// the lock and the boot is this one.
struct RunRecord {
  std::string run_id;
  std::string boot_id;
  pid_t helper_pid = 0;
  /// 0 until the program was exec'ed.
  pid_t init_pid = 0;
  SystemTime since;
  std::vector<std::string> degraded;
};

/// How a run ended; durable, in the state directory.
struct ExitRecord {
  std::string run_id;
  ContainerFacts::Exit exit;
};

/// 16 random hexadecimal digits.
std::string new_run_id();

/// Directories are given by path; "/proc/self/fd/N" works. Writing is atomic, and durable but for
/// the run record, which means nothing after a crash of the host.
Status write_start_record(const std::string& state_dir, const StartRecord& record);
Status write_run_record(const std::string& run_dir, const RunRecord& record);
Status write_exit_record(const std::string& state_dir, const ExitRecord& record);
/// nullopt if there is none. Errors: kState if it is damaged.
Result<std::optional<StartRecord>> read_start_record(const std::string& state_dir);
Result<std::optional<RunRecord>> read_run_record(const std::string& run_dir);
Result<std::optional<ExitRecord>> read_exit_record(const std::string& state_dir);

/// The lock that a helper holds as long as it lives: an open file description lock, which can be
/// looked at without taking it.
std::string lock_path(const std::string& run_dir);
/// Errors: kBusy if somebody holds it.
Result<UniqueFd> take_run_lock(const std::string& run_dir);
Result<bool> run_lock_is_held(const std::string& run_dir);

}  // namespace mosb::lxc
