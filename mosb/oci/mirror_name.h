#pragma once

#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb::oci {

/// Where a registry's repositories are mirrored: HOST[:PORT][/PREFIX].
struct MirrorName {
  std::string host;
  /// Stands before the repository's name, with a slash between them; "" for none.
  std::string prefix;

  /// Errors: kUsage.
  static Result<MirrorName> parse(std::string_view text);
  std::string str() const { return prefix.empty() ? host : host + "/" + prefix; }
  /// What a repository is called there.
  std::string repository(const std::string& name) const {
    return prefix.empty() ? name : prefix + "/" + name;
  }

  bool operator==(const MirrorName&) const = default;
};

}  // namespace mosb::oci
