#include "provider-kvm/run_record.h"

#include <cerrno>
#include <limits>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxRecord{64 * kKiB};

Json to_json(const ProcessIdentity& process) {
  return {{"pid", process.pid}, {"start_ticks", process.start_ticks}};
}

Result<ProcessIdentity> parse_process(const Json& object) {
  ProcessIdentity process;
  const std::uint64_t pid = MOSB_TRY(json::require_uint(object, "pid"));
  if (pid == 0 || pid > static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max())) {
    return Error(Errc::kContent, "'pid' is out of range");
  }
  process.pid = static_cast<pid_t>(pid);
  process.start_ticks = MOSB_TRY(json::require_uint(object, "start_ticks"));
  return process;
}

Json to_json(const HostForward& forward) {
  Json object{{"protocol", forward.protocol == Protocol::kTcp ? "tcp" : "udp"},
              {"host_port", forward.host_port},
              {"guest_port", forward.guest_port}};
  if (forward.host_address) {
    object["host_address"] = forward.host_address->str();
  }
  if (forward.guest_address) {
    object["guest_address"] = forward.guest_address->str();
  }
  return object;
}

Result<std::uint16_t> require_port(const Json& object, const std::string& name) {
  const std::uint64_t port = MOSB_TRY(json::require_uint(object, name));
  if (port == 0 || port > std::numeric_limits<std::uint16_t>::max()) {
    return Error(Errc::kContent, "'" + name + "' is out of range");
  }
  return static_cast<std::uint16_t>(port);
}

Result<std::optional<IpAddress>> optional_address(const Json& object, const std::string& name) {
  const auto text = MOSB_TRY(json::optional_string(object, name));
  if (!text) {
    return std::optional<IpAddress>();
  }
  return std::optional(MOSB_TRY(IpAddress::parse(*text)));
}

Result<HostForward> parse_forward(const Json& object) {
  HostForward forward;
  forward.protocol =
      MOSB_TRY(json::require_string(object, "protocol")) == "udp" ? Protocol::kUdp : Protocol::kTcp;
  forward.host_port = MOSB_TRY(require_port(object, "host_port"));
  forward.guest_port = MOSB_TRY(require_port(object, "guest_port"));
  forward.host_address = MOSB_TRY(optional_address(object, "host_address"));
  forward.guest_address = MOSB_TRY(optional_address(object, "guest_address"));
  return forward;
}

Result<std::optional<std::uint32_t>> optional_user(const Json& object) {
  const auto user = MOSB_TRY(json::optional_uint(object, "user"));
  if (!user) {
    return std::optional<std::uint32_t>();
  }
  if (*user == 0 || *user > std::numeric_limits<std::uint32_t>::max()) {
    return Error(Errc::kContent, "'user' is out of range");
  }
  return std::optional(static_cast<std::uint32_t>(*user));
}

Result<RunRecord> parse(const Json& object) {
  RunRecord record;
  record.boot_id = MOSB_TRY(json::require_string(object, "boot_id"));
  record.qemu = MOSB_TRY(parse_process(*MOSB_TRY(json::require_object(object, "qemu"))));
  if (const Json* const tpm = MOSB_TRY(json::optional_object(object, "tpm"))) {
    record.tpm = MOSB_TRY(parse_process(*tpm));
  }
  record.user = MOSB_TRY(optional_user(object));
  record.qemu_version = MOSB_TRY(json::require_string(object, "qemu_version"));
  record.accel = MOSB_TRY(json::require_string(object, "accel")) == accel_name(Accel::kKvm)
                     ? Accel::kKvm
                     : Accel::kTcg;
  record.since = MOSB_TRY(parse_rfc3339(MOSB_TRY(json::require_string(object, "since"))));
  for (const Json& forward : *MOSB_TRY(json::require_array(object, "forwards"))) {
    record.forwards.push_back(MOSB_TRY(parse_forward(forward)));
  }
  record.origin = MOSB_TRY(json::require_string(object, "origin"));
  record.console_offset = MOSB_TRY(json::require_uint(object, "console_offset"));
  record.alive = MOSB_TRY(json::optional_bool(object, "alive")).value_or(false);
  if (const auto ready = MOSB_TRY(json::optional_string(object, "ready"))) {
    record.ready = MOSB_TRY(parse_rfc3339(*ready));
  }
  return record;
}

}  // namespace

const char* accel_name(Accel accel) {
  return accel == Accel::kKvm ? "kvm" : "tcg";
}

std::string print_run_record(const RunRecord& record) {
  Json object{{"boot_id", record.boot_id},
              {"qemu", to_json(record.qemu)},
              {"qemu_version", record.qemu_version},
              {"accel", accel_name(record.accel)},
              {"since", to_rfc3339(record.since)},
              {"console_offset", record.console_offset},
              {"alive", record.alive},
              {"origin", record.origin}};
  object["forwards"] = Json::array();
  for (const HostForward& forward : record.forwards) {
    object["forwards"].push_back(to_json(forward));
  }
  if (record.tpm) {
    object["tpm"] = to_json(*record.tpm);
  }
  if (record.user) {
    object["user"] = *record.user;
  }
  if (record.ready) {
    object["ready"] = to_rfc3339(*record.ready);
  }
  return object.dump() + "\n";
}

Result<RunRecord> parse_run_record(std::string_view text) {
  const auto object = json::parse(text, kMaxRecord);
  return object && object->is_object()
             ? parse(*object).as(Errc::kState)
             : Result<RunRecord>(Error(Errc::kState, "it is no JSON object"));
}

Status write_run_record(const std::string& file, const RunRecord& record) {
  return replace_file(file, print_run_record(record), 0600);
}

Result<std::optional<RunRecord>> read_run_record(const std::string& file) {
  const auto text = read_file(file, kMaxRecord);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return std::optional<RunRecord>();
    }
    return text.error();
  }
  auto record = parse_run_record(*text);
  if (!record) {
    return std::move(record).error().context(quote(file) + " is damaged");
  }
  return std::optional<RunRecord>(*std::move(record));
}

}  // namespace mosb::kvm
