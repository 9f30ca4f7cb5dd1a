#include "mosb/agent/machine_end.h"

#include "mosb/agent/instance.h"
#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_lock.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/log.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxRecord{64 * kKiB};

/// Of the host, whatever the instance.
constexpr const char* kUsers = "/run/mosb";

std::string end_file(const Paths& paths, const std::string& name) {
  return MachinePaths(paths, name).dir() + "/last-run.json";
}

bool is_ephemeral(const Paths& paths, const std::string& name) {
  const auto machine = read_defined_machine(paths, name);
  return machine && machine->ephemeral;
}

Result<MachineEnd> parse_end(const std::string& text) {
  const Json object = MOSB_TRY(json::parse(text, kMaxRecord));
  MachineEnd end;
  end.failed = MOSB_TRY(json::optional_bool(object, "failed")).value_or(false);
  end.message = MOSB_TRY(json::require_string(object, "message"));
  end.at = MOSB_TRY(parse_rfc3339(MOSB_TRY(json::require_string(object, "at"))));
  return end;
}

MachineEnd end_of(const kvm::Observation& seen, SystemTime now) {
  const std::string words = seen.last_words.empty() ? "" : ": " + seen.last_words;
  switch (seen.condition) {
    case kvm::Condition::kEnded:
      return {.failed = false, .message = "the guest powered off", .at = now};
    case kvm::Condition::kUnfinished:
      return {.failed = true, .message = "its start did not come to an end", .at = now};
    case kvm::Condition::kStopped:
      return {.failed = true,
              .message = "the host was started anew, or mosb was killed, while it ran",
              .at = now};
    case kvm::Condition::kCrashed:
    case kvm::Condition::kRunning:
    case kvm::Condition::kTpmGone:
      break;
  }
  if (seen.out_of_memory) {
    return {.failed = true,
            .message = "the host's kernel killed it: its processes used more memory than its limit",
            .at = now};
  }
  return {.failed = true, .message = "qemu was killed or crashed" + words, .at = now};
}

}  // namespace

std::optional<MachineEnd> read_machine_end(const Paths& paths, const std::string& name) {
  const auto text = read_file(end_file(paths, name), kMaxRecord);
  auto end = text ? parse_end(*text) : text.error();
  return end ? std::optional(*std::move(end)) : std::nullopt;
}

Status write_machine_end(const Paths& paths, const std::string& name, const MachineEnd& end) {
  const Json object{
      {"failed", end.failed}, {"message", escape(end.message)}, {"at", to_rfc3339(end.at)}};
  return write_file_atomic(end_file(paths, name), object.dump() + "\n", 0600);
}

Result<kvm::MachinePlace> machine_place(const Paths& paths, const std::string& name) {
  std::string id = MOSB_TRY(read_instance_id(paths));
  if (id.empty()) {
    id = MOSB_TRY(Instance::open(paths)).id();
  }
  return kvm::MachinePlace{
      MachinePaths(paths, name).runtime(), "mosb-" + id + "/machines/" + name, kUsers};
}

Status end_machine(const Paths& paths,
                   const std::string& name,
                   const kvm::MachinePlace& place,
                   const MachineEnd& end) {
  MOSB_CHECK(kvm::clear(place).context("clear up after machine " + quote(name)));
  if (is_ephemeral(paths, name)) {
    MOSB_CHECK(remove_definition(paths, name));
    return remove_machine_lock(paths, name);
  }
  const MachinePaths machine(paths, name);
  if (path_exists(machine.dir())) {
    MOSB_CHECK(write_machine_end(paths, name, end));
  }
  return sys::unlink(machine.started());
}

Result<kvm::Observation> settle_machine(const Paths& paths,
                                        const std::string& name,
                                        const Clock& clock) {
  const kvm::MachinePlace place = MOSB_TRY(machine_place(paths, name));
  kvm::Observation seen = MOSB_TRY(kvm::observe(place));
  switch (seen.condition) {
    case kvm::Condition::kRunning:
    case kvm::Condition::kTpmGone:
      return seen;
    case kvm::Condition::kStopped:
      if (!path_exists(MachinePaths(paths, name).started())) {
        return seen;
      }
      break;
    case kvm::Condition::kEnded:
    case kvm::Condition::kCrashed:
    case kvm::Condition::kUnfinished:
      break;
  }
  const MachineEnd end = end_of(seen, clock.now());
  if (is_ephemeral(paths, name)) {
    log::warn("ephemeral machine " + quote(name) + " is gone: " + end.message);
  }
  MOSB_CHECK(end_machine(paths, name, place, end));
  return kvm::Observation{};
}

}  // namespace mosb::agent
