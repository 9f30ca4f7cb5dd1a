#include "mosb/oci/url.h"

#include <algorithm>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxUrlSize = 8192;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Error malformed(std::string_view text, const std::string& why) {
  return {Errc::kNetwork, "URL " + quote(text) + ": " + why};
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    // No zone: "%eth0" is not for a server to choose.
    return host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
  }
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_';
  });
}

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

bool is_target_char(char c) {
  return is_alnum(c) ||
         std::string_view("-._~:/?[]@!$&'()*+,;=%|").find(c) != std::string_view::npos;
}

/// "host" or "host:port" into its parts.
Status parse_authority(std::string_view text, std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    // quote(text) would show a password.
    return Error(Errc::kNetwork, "URL with a user name in it");
  }
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url.host = lower(authority.substr(0, colon));
  if (!is_host(url.host)) {
    return malformed(text, "no such host name");
  }
  url.port = default_port(url.scheme);
  if (colon != std::string_view::npos) {
    const auto port = parse_uint(authority.substr(colon + 1), 1, 65535);
    if (!port) {
      return malformed(text, "no such port");
    }
    url.port = static_cast<std::uint16_t>(*port);
  }
  return ok();
}

/// Without "." and ".." segments: what a server would make of the path. Spec: RFC 3986 §5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string> kept;
  std::vector<std::string> segments = split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    if (segments[i] == "..") {
      if (!kept.empty()) {
        kept.pop_back();
      }
    } else if (segments[i] != ".") {
      kept.push_back(segments[i]);
      continue;
    }
    if (last) {
      kept.emplace_back();
    }
  }
  return "/" + join(kept, "/");
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrlSize) {
    return Error(Errc::kNetwork, "URL of " + std::to_string(text.size()) + " bytes");
  }
  const std::size_t separator = text.find("://");
  Url url;
  url.scheme = separator == std::string_view::npos ? "" : lower(text.substr(0, separator));
  if (url.scheme != "https" && url.scheme != "http") {
    return malformed(text, "neither https nor http");
  }
  const std::string_view rest = text.substr(separator + 3);
  const std::size_t end = rest.find_first_of("/?#");
  MOSB_CHECK(parse_authority(text, rest.substr(0, end), url));
  url.target = end == std::string_view::npos ? "/" : rest.substr(end);
  if (url.target.front() != '/') {
    url.target.insert(url.target.begin(), '/');
  }
  if (!std::all_of(url.target.begin(), url.target.end(), is_target_char)) {
    return malformed(text, "a character that may not stand in one");
  }
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (reference.empty()) {
    return Error(Errc::kNetwork, "empty URL");
  }
  const std::string origin = scheme + "://" + authority();
  if (reference.substr(0, 2) == "//") {
    return parse(scheme + ":" + std::string(reference));
  }
  if (reference.front() == '/') {
    return parse(origin + std::string(reference));
  }
  // A scheme is what stands before a colon that no '/' or '?' precedes.
  const std::size_t delimiter = reference.find_first_of(":/?#");
  if (delimiter != std::string_view::npos && reference[delimiter] == ':') {
    return parse(reference);
  }
  const std::string base = without_query();
  if (reference.front() == '?') {
    return parse(origin + base + std::string(reference));
  }
  const std::size_t query = reference.find('?');
  const std::string path = remove_dot_segments(base.substr(0, base.rfind('/') + 1) +
                                               std::string(reference.substr(0, query)));
  return parse(origin + path +
               (query == std::string_view::npos ? "" : std::string(reference.substr(query))));
}

std::string Url::authority() const {
  return port == default_port(scheme) ? host : host + ":" + std::to_string(port);
}

std::string Url::str() const {
  return scheme + "://" + authority() + target;
}

std::string Url::without_query() const {
  return target.substr(0, target.find('?'));
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

}  // namespace mosb::oci
