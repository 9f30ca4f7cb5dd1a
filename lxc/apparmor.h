#pragma once

#include <string>

namespace mosb::lxc {

/// The AppArmor profile for containers, or why there is none.
struct AppArmor {
  /// "" without AppArmor.
  std::string profile;
  /// "" with it.
  std::string why_not;
};

/// Reads /sys; changes nothing.
AppArmor find_apparmor();

}  // namespace mosb::lxc
