#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mosb::trust {

struct KeysetReadme {
  /// As the trust policy names the signer.
  std::string trusted_identity;
  /// The signer's subject, attribute type and value.
  std::vector<std::pair<std::string, std::string>> subject;
};

/// The README.md of a new keyset.
std::string print_keyset_readme(const KeysetReadme& content);

}  // namespace mosb::trust
