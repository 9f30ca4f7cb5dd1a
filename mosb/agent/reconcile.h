#pragma once

#include <string>
#include <vector>

#include "mosb/agent/compose.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/step.h"
#include "mosb/base/byte_count.h"

namespace mosb::agent {

/// What a service needs so that it is as its spec says.
struct ServiceChange {
  /// Mount the image (again), beside what runs.
  bool mount = false;
  /// Stop whatever runs or is left under the name.
  bool stop = false;
  bool start = false;
  bool operator==(const ServiceChange&) const = default;
};

/// What is known of a service when its change is decided.
struct ServiceView {
  const ServiceSpec& spec;
  const ServiceFacts& facts;
  /// The spec's image is mounted as it says.
  bool mounted = false;
  /// Layers that the store does not have yet.
  std::size_t missing_layers = 0;
  std::size_t damaged_layers = 0;
  ByteCount missing_bytes;
  /// Volumes whose directory does not exist yet.
  std::vector<std::string> new_volumes;
  std::string image_ref;
};

/// Compares wish and fact. Pure.
ServiceChange change_for(const ServiceView& view);
/// The same for people. Pure.
std::vector<Step> steps_for(const ServiceView& view);

}  // namespace mosb::agent
