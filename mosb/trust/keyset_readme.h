#pragma once

#include <string>

namespace mosb::trust {

/// The README.md of a new keyset.
std::string keyset_readme(const std::string& trusted_identity);

}  // namespace mosb::trust
