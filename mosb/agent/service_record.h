#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// What was last started under a service's name in this boot: enough to stop it when nothing else
/// is known of it any more. Lies in the service's run directory; whether it still runs, only the
/// kernel says.
struct ServiceRecord {
  std::string fingerprint;
  int stop_signal = 15;
  std::chrono::milliseconds stop_timeout{10'000};
  /// It was given a place at the bridge.
  bool connected = false;
  bool operator==(const ServiceRecord&) const = default;
};

/// nullopt if there is none in this boot. Errors: kState.
Result<std::optional<ServiceRecord>> read_service_record(const Paths& paths,
                                                         const std::string& name);
Status write_service_record(const Paths& paths,
                            const std::string& name,
                            const ServiceRecord& record);
/// The names that have a run directory: services that run, and what is left of others.
Result<std::vector<std::string>> recorded_services(const Paths& paths);

}  // namespace mosb::agent
