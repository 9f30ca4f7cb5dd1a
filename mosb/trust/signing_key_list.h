#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::trust {

/// A key that signingkeys.json names.
struct SigningKeyEntry {
  std::string name;
  std::string key_path;
  /// PEM, leaf first, up to the root.
  std::string cert_path;
  /// Set for keys that a notation plugin holds; mosb runs no plugins.
  std::string plugin;
};

/// notation's signingkeys.json.
struct SigningKeyList {
  std::vector<SigningKeyEntry> keys;
  std::optional<std::string> default_name;

  /// Errors: kContent.
  static Result<SigningKeyList> parse(std::string_view text);
  /// The key of that name; the default one for "". Errors: kNotFound, kUsage for a plugin's key.
  Result<const SigningKeyEntry*> find(std::string_view name) const;
};

}  // namespace mosb::trust
