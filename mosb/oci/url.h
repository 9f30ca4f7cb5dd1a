#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb::oci {

/// An http or https URL taken apart. Only what a registry needs: no user part, no fragment, ASCII
/// without spaces; the host is a DNS name, an IPv4 address or an IPv6 address in brackets.
/// Spec: RFC 3986.
struct Url {
  /// "https" or "http".
  std::string scheme = {};
  /// Lower case; an IPv6 address keeps its brackets.
  std::string host = {};
  /// The scheme's own port where the text has none.
  std::uint16_t port = 0;
  /// Path and query; starts with '/'.
  std::string target = {};

  /// Errors: kNetwork, naming the text.
  static Result<Url> parse(std::string_view text);
  /// What `reference` (a Location or Link target) means when it was read at this URL.
  Result<Url> resolve(std::string_view reference) const;

  /// "host" or "host:port" where the port is not the scheme's own.
  std::string authority() const;
  std::string str() const;
  /// The target without its query, for messages: a query can hold a signed secret.
  std::string without_query() const;
  /// Same scheme, host and port.
  bool same_origin(const Url& other) const;
};

/// Every byte that is not unreserved in RFC 3986 as %XX: for one query value.
std::string percent_encode(std::string_view text);

}  // namespace mosb::oci
