#include "mosb/agent/service_record.h"

#include <algorithm>
#include <cerrno>

#include <dirent.h>

#include "mosb/agent/volumes.h"
#include "mosb/base/boot_id.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxRecord{4 * kKiB};

std::string record_file(const Paths& paths, const std::string& name) {
  return paths.service_run(name) + "/record.json";
}

}  // namespace

Result<std::optional<ServiceRecord>> read_service_record(const Paths& paths,
                                                         const std::string& name) {
  const std::string path = record_file(paths, name);
  auto text = read_file(path, kMaxRecord);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return std::optional<ServiceRecord>();
    }
    return std::move(text).error().as(Errc::kState);
  }
  const Json json = MOSB_TRY(json::parse(*text, kMaxRecord).context(quote(path)).as(Errc::kState));
  // A root whose /run is no tmpfs keeps records over a reboot; they say nothing then.
  if (MOSB_TRY(json::require_string(json, "boot")) != MOSB_TRY(current_boot_id())) {
    return std::optional<ServiceRecord>();
  }
  ServiceRecord record;
  record.fingerprint = MOSB_TRY(json::require_string(json, "fingerprint"));
  record.stop_signal = static_cast<int>(MOSB_TRY(json::require_uint(json, "stop_signal")));
  record.stop_timeout = std::chrono::milliseconds(
      static_cast<std::int64_t>(MOSB_TRY(json::require_uint(json, "stop_timeout_ms"))));
  record.connected = json.value("connected", Json()) == true;
  return std::optional<ServiceRecord>(record);
}

Status write_service_record(const Paths& paths,
                            const std::string& name,
                            const ServiceRecord& record) {
  const Json json{{"boot", MOSB_TRY(current_boot_id())},
                  {"fingerprint", record.fingerprint},
                  {"stop_signal", record.stop_signal},
                  {"stop_timeout_ms", record.stop_timeout.count()},
                  {"connected", record.connected}};
  return write_file_atomic(record_file(paths, name), json.dump() + "\n", 0600);
}

Result<std::vector<std::string>> recorded_services(const Paths& paths) {
  if (!path_exists(paths.services())) {
    return std::vector<std::string>();
  }
  return list_dir(paths.services());
}

}  // namespace mosb::agent
