#pragma once

#include <string>
#include <vector>

namespace mosb::agent {

enum class CapabilityStatus { kOk, kDegraded, kMissing };
const char* capability_status_name(CapabilityStatus status);

/// One thing that mosb wants of the host.
struct Capability {
  std::string name;
  CapabilityStatus status = CapabilityStatus::kOk;
  std::string detail;
};

/// Asks the kernel, not the version number. Changes nothing that stays.
std::vector<Capability> examine_host();

}  // namespace mosb::agent
