#pragma once

#include <string>
#include <vector>

namespace mosb::agent {

/// One line of a plan: what is done to which object, and why.
struct Step {
  /// pull verify mount network volume start restart stop remove
  std::string action;
  std::string object;
  std::string reason;
  bool operator==(const Step&) const = default;
};

/// "start    web: not running".
std::string to_string(const Step& step);

}  // namespace mosb::agent
