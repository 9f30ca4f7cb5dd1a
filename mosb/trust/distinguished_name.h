#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb::trust {

/// A subject as trust policies name it: attribute type ("C", "ST", "O", "CN", …) to value. Types
/// and values compare byte by byte.
class DistinguishedName {
 public:
  /// The text after `x509.subject:`. Spec: RFC 4514 as notation reads it: `,` and `;` separate, `S`
  /// means ST, no type twice, no multi-valued RDN, no `=#`, C and ST and O are required.
  /// Errors: kPolicy.
  static Result<DistinguishedName> parse(std::string_view text);
  /// From decoded attributes, with the same requirements. Errors: kPolicy.
  static Result<DistinguishedName> from_attributes(std::map<std::string, std::string> attributes);

  const std::map<std::string, std::string>& attributes() const { return attributes_; }
  /// Whether every attribute of this name stands in `other` with the same value.
  bool is_subset_of(const DistinguishedName& other) const;

 private:
  explicit DistinguishedName(std::map<std::string, std::string> attributes);

  std::map<std::string, std::string> attributes_;
};

}  // namespace mosb::trust
