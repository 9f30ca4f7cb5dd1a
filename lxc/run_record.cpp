#include "lxc/run_record.h"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/random.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxRecord{64 * kKiB};
constexpr const char* kStartFile = "/start.json";
constexpr const char* kRunFile = "/run.json";
constexpr const char* kExitFile = "/exit.json";

Result<std::optional<Json>> read_record(const std::string& path) {
  const auto text = read_file(path, kMaxRecord);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return std::optional<Json>();
    }
    return text.error();
  }
  auto object = json::parse(*text, kMaxRecord);
  if (!object || !object->is_object()) {
    return Error(Errc::kState, quote(path) + " is damaged")
        .with_hint("remove the file; the service then counts as never started");
  }
  return std::optional<Json>(*std::move(object));
}

/// Damage inside a record is damage of state, not of outside content.
template <class T>
Result<std::optional<T>> parsed(const std::string& path, Result<T> record) {
  if (!record) {
    return std::move(record).error().context(quote(path)).as(Errc::kState);
  }
  return std::optional<T>(*std::move(record));
}

Result<SystemTime> require_time(const Json& object, const std::string& name) {
  return parse_rfc3339(MOSB_TRY(json::require_string(object, name)));
}

Result<int> require_int(const Json& object, const std::string& name) {
  const std::uint64_t value = MOSB_TRY(json::require_uint(object, name));
  if (value > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    return Error(Errc::kContent, "'" + name + "' is too large");
  }
  return static_cast<int>(value);
}

Result<StartRecord> parse_start(const Json& object) {
  StartRecord record;
  record.run_id = MOSB_TRY(json::require_string(object, "run_id"));
  record.boot_id = MOSB_TRY(json::require_string(object, "boot_id"));
  record.since = MOSB_TRY(require_time(object, "since"));
  return record;
}

Result<RunRecord> parse_run(const Json& object) {
  RunRecord record;
  record.run_id = MOSB_TRY(json::require_string(object, "run_id"));
  record.boot_id = MOSB_TRY(json::require_string(object, "boot_id"));
  record.helper_pid = MOSB_TRY(require_int(object, "helper_pid"));
  record.init_pid = MOSB_TRY(require_int(object, "init_pid"));
  record.since = MOSB_TRY(require_time(object, "since"));
  record.degraded = MOSB_TRY(json::optional_string_list(object, "degraded"));
  return record;
}

Result<ExitRecord> parse_exit(const Json& object) {
  ExitRecord record;
  record.run_id = MOSB_TRY(json::require_string(object, "run_id"));
  record.exit.code = MOSB_TRY(require_int(object, "code"));
  record.exit.signal = MOSB_TRY(require_int(object, "signal"));
  record.exit.oom = MOSB_TRY(json::optional_bool(object, "oom")).value_or(false);
  record.exit.error = MOSB_TRY(json::require_string(object, "error"));
  record.exit.at = MOSB_TRY(require_time(object, "at"));
  return record;
}

Status write_record(const std::string& path, const Json& object) {
  return write_file_atomic(path, object.dump() + "\n", 0600);
}

/// The lock is on the whole file.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

std::string new_run_id() {
  return random_hex(8);
}

Status write_start_record(const std::string& state_dir, const StartRecord& record) {
  return write_record(state_dir + kStartFile,
                      {{"run_id", record.run_id},
                       {"boot_id", record.boot_id},
                       {"since", to_rfc3339(record.since)}});
}

Status write_run_record(const std::string& run_dir, const RunRecord& record) {
  const Json object{{"run_id", record.run_id},
                    {"boot_id", record.boot_id},
                    {"helper_pid", record.helper_pid},
                    {"init_pid", record.init_pid},
                    {"since", to_rfc3339(record.since)},
                    {"degraded", record.degraded}};
  return replace_file(run_dir + kRunFile, object.dump() + "\n", 0600);
}

Status write_exit_record(const std::string& state_dir, const ExitRecord& record) {
  return write_record(state_dir + kExitFile,
                      {{"run_id", record.run_id},
                       {"code", record.exit.code},
                       {"signal", record.exit.signal},
                       {"oom", record.exit.oom},
                       // The reason may hold bytes of a path that are no UTF-8.
                       {"error", escape(record.exit.error)},
                       {"at", to_rfc3339(record.exit.at)}});
}

Result<std::optional<StartRecord>> read_start_record(const std::string& state_dir) {
  const std::string path = state_dir + kStartFile;
  const auto object = MOSB_TRY(read_record(path));
  return object ? parsed(path, parse_start(*object)) : std::optional<StartRecord>();
}

Result<std::optional<RunRecord>> read_run_record(const std::string& run_dir) {
  const std::string path = run_dir + kRunFile;
  const auto object = MOSB_TRY(read_record(path));
  return object ? parsed(path, parse_run(*object)) : std::optional<RunRecord>();
}

Result<std::optional<ExitRecord>> read_exit_record(const std::string& state_dir) {
  const std::string path = state_dir + kExitFile;
  const auto object = MOSB_TRY(read_record(path));
  return object ? parsed(path, parse_exit(*object)) : std::optional<ExitRecord>();
}

std::string lock_path(const std::string& run_dir) {
  return run_dir + "/lock";
}

Result<UniqueFd> take_run_lock(const std::string& run_dir) {
  UniqueFd fd = MOSB_TRY(sys::open(lock_path(run_dir), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) < 0) {
    const int err = errno;
    if (err == EAGAIN || err == EACCES) {
      return Error(Errc::kBusy, "the container runs already");
    }
    return Error::sys("lock " + quote(lock_path(run_dir)), err);
  }
  return fd;
}

Result<bool> run_lock_is_held(const std::string& run_dir) {
  const auto fd = sys::open(lock_path(run_dir), O_RDWR | O_NOFOLLOW);
  if (!fd) {
    if (fd.error().sys_errno() == ENOENT) {
      return false;
    }
    return fd.error();
  }
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd->get(), F_OFD_GETLK, &lock) < 0) {
    const int err = errno;
    return Error::sys("look at " + quote(lock_path(run_dir)), err);
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace mosb::lxc
