#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"
#include "provider-kvm/process_identity.h"

namespace mosb::kvm {

/// What is known of a machine that runs; lies in its run directory, written once qemu has greeted.
struct RunRecord {
  /// Of the host; processes of another boot are gone.
  std::string boot_id;
  ProcessIdentity qemu;
  std::optional<ProcessIdentity> tpm;
  /// What the processes run as; nullopt: as whoever started them.
  std::optional<std::uint32_t> user;
  std::string qemu_version;
  Accel accel = Accel::kTcg;
  SystemTime since;
  /// What the guest's ports are reached by.
  std::vector<HostForward> forwards;
  /// By what the starter knows again what it started, e.g. a digest of the definition.
  std::string origin;
  /// How long the console's log was when this run began.
  std::uint64_t console_offset = 0;
  /// The guest was seen to do something.
  bool alive = false;
  /// When the guest was seen to be ready.
  std::optional<SystemTime> ready;
  bool operator==(const RunRecord&) const = default;
};

/// As JSON, one line with its end (pure).
std::string print_run_record(const RunRecord& record);
/// The same read (pure). Errors: kState if it is damaged.
Result<RunRecord> parse_run_record(std::string_view text);

Status write_run_record(const std::string& file, const RunRecord& record);
/// nullopt if there is none. Errors: kState if it is damaged.
Result<std::optional<RunRecord>> read_run_record(const std::string& file);

/// "kvm" or "tcg", as in machine.yaml.
const char* accel_name(Accel accel);

}  // namespace mosb::kvm
