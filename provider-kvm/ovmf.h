#pragma once

#include <functional>
#include <string>

#include "mosb/base/result.h"

namespace mosb::kvm {

/// OVMF as a distribution installs it; both files are raw.
struct Ovmf {
  std::string code;
  /// What variables are at first: with the keys of the usual certificate authorities where the code
  /// is the one for Secure Boot.
  std::string vars;
  bool operator==(const Ovmf&) const = default;
};

/// The first pair that this host has. `code`, if not "", is the code that the variables must belong
/// to, where it is a known one. Errors: kHost, saying what to install.
Result<Ovmf> find_ovmf(bool secure_boot,
                       const std::string& code,
                       const std::function<bool(const std::string& path)>& exists);

}  // namespace mosb::kvm
