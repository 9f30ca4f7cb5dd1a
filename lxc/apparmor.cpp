#include "lxc/apparmor.h"

#include "mosb/base/file.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// Debian's package liblxc-common loads it at boot.
constexpr const char* kProfile = "lxc-container-default-cgns";
constexpr ByteCount kMaxProfiles{4 * kMiB};

}  // namespace

AppArmor find_apparmor() {
  const auto enabled = read_kernel_file("/sys/module/apparmor/parameters/enabled", kMaxProfiles);
  if (!enabled || enabled->empty() || enabled->front() != 'Y') {
    return {"", "AppArmor is not enabled on this host"};
  }
  const auto profiles = read_kernel_file("/sys/kernel/security/apparmor/profiles", kMaxProfiles);
  if (!profiles) {
    return {"", "AppArmor's list of profiles cannot be read"};
  }
  const std::string wanted = std::string(kProfile) + " ";
  for (const std::string& line : split(*profiles, '\n')) {
    if (line.compare(0, wanted.size(), wanted) == 0) {
      return {kProfile, ""};
    }
  }
  return {"", std::string("AppArmor profile ") + kProfile + " is not loaded"};
}

}  // namespace mosb::lxc
