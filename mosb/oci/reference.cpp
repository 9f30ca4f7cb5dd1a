#include "mosb/oci/reference.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxNameLength = 255;
constexpr std::size_t kMaxTagLength = 128;
constexpr std::size_t kMaxPathLength = 4095;
constexpr std::uint64_t kMaxPort = 65535;
constexpr char kDefaultTag[] = "latest";

Error usage(const std::string& why) {
  return Error(Errc::kUsage, why);
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool only(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || extra.find(c) != std::string_view::npos;
  });
}

/// OCI distribution 1.1 §Pulling manifests: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTagLength && only(text, "._-") &&
         text.front() != '.' && text.front() != '-';
}

/// One component: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) {
    return false;
  }
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(
        text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i), text.size());
    const std::string_view separator = text.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") {
      return false;
    }
    i = end;
  }
  return true;
}

bool is_repository(const std::string& text) {
  const std::vector<std::string> components = split(text, '/');
  return std::all_of(components.begin(), components.end(), is_component);
}

bool is_ipv6(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
         text.find(':') != std::string_view::npos;
}

bool is_domain(const std::string& text) {
  const std::vector<std::string> labels = split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return !label.empty() && only(label, "-") && label.front() != '-' && label.back() != '-';
  });
}

/// HOST[:PORT], the host a domain, an IPv4 address or an IPv6 address in brackets.
bool is_host(const std::string& text) {
  std::size_t host_end = text.find(':');
  bool good = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    good = close != std::string::npos && is_ipv6(text.substr(1, close - 1)) &&
           (close + 1 == text.size() || text[close + 1] == ':');
    host_end = close == std::string::npos || close + 1 == text.size() ? std::string::npos
                                                                       : close + 1;
  } else {
    good = is_domain(text.substr(0, host_end));
  }
  return good && (host_end == std::string::npos ||
                  parse_uint(text.substr(host_end + 1), 1, kMaxPort).has_value());
}

/// A first component without dot, colon or "localhost" is a repository on some default registry
/// for other tools; mosb has no default registry.
bool looks_like_host(std::string_view text) {
  return text.find('.') != std::string_view::npos || text.find(':') != std::string_view::npos ||
         text == "localhost";
}

/// What follows the last '@' if it has a digest's shape, right or wrong: "algorithm:hex".
std::optional<std::string_view> digest_part(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view candidate = text.substr(at + 1);
  const std::size_t colon = candidate.find(':');
  const bool shaped = colon != std::string_view::npos && colon > 0 &&
                      only(candidate.substr(0, colon), "+._-") &&
                      candidate.find('/') == std::string_view::npos;
  return shaped ? std::optional(candidate) : std::nullopt;
}

Result<Digest> parse_digest(std::string_view text) {
  return Digest::parse(text).as(Errc::kUsage).with_hint("a digest is sha256: and 64 hex digits");
}

Result<Reference> parse_registry(std::string_view text) {
  Reference ref{.kind = Reference::Kind::kRegistry};
  std::string_view name = text;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    ref.digest = MOSB_TRY(parse_digest(text.substr(at + 1)));
    name = text.substr(0, at);
  }
  const std::size_t slash = name.find('/');
  const std::size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash) &&
      (slash != std::string_view::npos || !looks_like_host(name.substr(0, colon)))) {
    ref.tag = std::string(name.substr(colon + 1));
    name = name.substr(0, colon);
  }
  if (slash == std::string_view::npos || !looks_like_host(name.substr(0, slash))) {
    const std::string path(slash == std::string_view::npos ? "library/" : "");
    const bool repository = is_repository(std::string(name));
    Error error = usage("it names no registry host");
    return repository ? std::move(error).with_hint(
                            "write docker://docker.io/" + path + std::string(name) +
                            (ref.digest ? "@" + ref.digest->str()
                                        : ":" + ref.tag.value_or(kDefaultTag)) +
                            " if that is meant")
                      : error;
  }
  ref.host = std::string(name.substr(0, slash));
  ref.repository = std::string(name.substr(slash + 1));
  if (!is_host(ref.host)) {
    return usage("malformed registry host " + quote(ref.host));
  }
  if (name.size() > kMaxNameLength || !is_repository(ref.repository)) {
    return usage("malformed repository name " + quote(ref.repository));
  }
  if (ref.tag && !is_tag(*ref.tag)) {
    return usage("malformed tag " + quote(*ref.tag));
  }
  if (ref.tag && ref.digest) {
    return usage("it has both a tag and a digest").with_hint("leave out the tag");
  }
  if (!ref.tag && !ref.digest) {
    ref.tag = kDefaultTag;
  }
  return ref;
}

Result<Reference> parse_path(Reference::Kind kind, std::string_view text) {
  Reference ref{.kind = kind};
  if (const auto digest = digest_part(text)) {
    ref.digest = MOSB_TRY(parse_digest(*digest));
    text.remove_suffix(digest->size() + 1);
  }
  const std::size_t colon = text.find(':');
  ref.path = std::string(text.substr(0, colon));
  if (colon != std::string_view::npos) {
    ref.tag = std::string(text.substr(colon + 1));
  }
  if (ref.path.empty() || ref.path.size() > kMaxPathLength || !is_printable_line(ref.path)) {
    return usage("malformed path " + quote(ref.path));
  }
  if (ref.tag && !is_ref_name(*ref.tag)) {
    return usage("malformed tag " + quote(*ref.tag));
  }
  if (ref.tag && ref.digest) {
    return usage("it has both a tag and a digest").with_hint("leave out the tag");
  }
  return ref;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

/// Of other tools; "dir:x" would otherwise read as a repository with a tag.
constexpr std::array<std::string_view, 9> kForeignTransports = {"dir:",
                                                                "docker-archive:",
                                                                "docker-daemon:",
                                                                "containers-storage:",
                                                                "ostree:",
                                                                "sif:",
                                                                "tarball:",
                                                                "http:",
                                                                "https:"};

Status check_transport(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const auto* const foreign = std::find_if(
      kForeignTransports.begin(), kForeignTransports.end(), [&](std::string_view prefix) {
        return text.substr(0, prefix.size()) == prefix;
      });
  if (scheme == std::string_view::npos && foreign == kForeignTransports.end()) {
    return ok();
  }
  const std::string_view name = text.substr(0, text.find(':'));
  return usage(quote(name) + " is not a place that mosb knows")
      .with_hint("write docker://HOST/REPOSITORY:TAG, oci:DIR:TAG or oci-archive:FILE:TAG");
}

Result<Reference> parse_any(std::string_view text) {
  if (text.empty()) {
    return usage("it is empty");
  }
  if (!is_printable_line(text) || !is_utf8(text)) {
    return usage("it has control characters or is not UTF-8");
  }
  if (take(text, "docker://")) {
    return parse_registry(text);
  }
  if (take(text, "oci:")) {
    return parse_path(Reference::Kind::kLayout, text);
  }
  if (take(text, "oci-archive:")) {
    return parse_path(Reference::Kind::kArchive, text);
  }
  if (text.substr(0, 7) == "sha256:") {
    return Reference{.kind = Reference::Kind::kStore, .digest = MOSB_TRY(parse_digest(text))};
  }
  MOSB_CHECK(check_transport(text));
  return parse_registry(text);
}

}  // namespace

bool is_ref_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameLength && only(text, "-._:@/+") &&
         is_alphanumeric(text.front());
}

Result<Reference> Reference::parse(std::string_view text) {
  return parse_any(text).context("image reference " + quote(text));
}

std::string Reference::str() const {
  const std::string suffix = digest ? "@" + digest->str() : tag ? ":" + *tag : "";
  switch (kind) {
    case Kind::kRegistry:
      return "docker://" + name() + suffix;
    case Kind::kLayout:
      return "oci:" + path + suffix;
    case Kind::kArchive:
      return "oci-archive:" + path + suffix;
    case Kind::kStore:
      return digest ? digest->str() : "";
  }
  return "";
}

std::string Reference::name() const {
  return kind == Kind::kRegistry ? host + "/" + repository : "";
}

Reference Reference::pinned(const Digest& to) const {
  Reference ref = *this;
  ref.tag.reset();
  ref.digest = to;
  return ref;
}

}  // namespace mosb::oci
