#include "mosb/oci/reference.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/name_grammar.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxNameLength = 255;
constexpr std::size_t kMaxPathLength = 4095;
constexpr char kDefaultTag[] = "latest";

Error usage(const std::string& why) {
  return Error(Errc::kUsage, why);
}

/// A first component without dot, colon or "localhost" is a repository on some default registry
/// for other tools; mosb has no default registry.
bool looks_like_host(std::string_view text) {
  return text.find('.') != std::string_view::npos || text.find(':') != std::string_view::npos ||
         text == "localhost";
}

/// What follows the last '@' if it is meant as a digest, right or wrong; a directory's name may
/// have an '@' as well.
std::optional<std::string_view> digest_part(std::string_view text) {
  constexpr std::size_t kShortestHex = 32;
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view candidate = text.substr(at + 1);
  const std::size_t colon = candidate.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view encoded = candidate.substr(colon + 1);
  const bool hex = encoded.size() >= kShortestHex &&
                   encoded.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  const bool sha = candidate.substr(0, 3) == "sha" && candidate.find('/') == std::string_view::npos;
  return hex || sha ? std::optional(candidate) : std::nullopt;
}

Result<Digest> parse_digest(std::string_view text) {
  return Digest::parse(text).as(Errc::kUsage).with_hint("a digest is sha256: and 64 hex digits");
}

Status check_one_of(const Reference& ref) {
  if (ref.tag && ref.digest) {
    return usage("it has both a tag and a digest").with_hint("leave out the tag");
  }
  return ok();
}

/// "NAME[:TAG][@DIGEST]" in its parts. A colon before the first slash is a port's.
struct NameParts {
  std::string_view name;
  std::optional<std::string> tag;
  std::optional<std::string_view> digest;
};

NameParts split_name(std::string_view text) {
  NameParts parts{.name = text, .tag = std::nullopt, .digest = std::nullopt};
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    parts.digest = text.substr(at + 1);
    parts.name = text.substr(0, at);
  }
  const std::size_t colon = parts.name.rfind(':');
  const std::size_t slash = parts.name.find('/');
  const bool is_port = slash == std::string_view::npos
                           ? looks_like_host(parts.name.substr(0, colon))
                           : colon < slash;
  if (colon != std::string_view::npos && !is_port) {
    parts.tag = std::string(parts.name.substr(colon + 1));
    parts.name = parts.name.substr(0, colon);
  }
  return parts;
}

/// Other tools would look at docker.io; the hint says how to ask for that.
Error no_host(const NameParts& parts) {
  Error error = usage("it names no registry host");
  const std::string name(parts.name);
  if (!is_repository(name)) {
    return error;
  }
  const bool official = name.find('/') == std::string::npos;
  const std::string suffix =
      parts.digest ? "@" + std::string(*parts.digest) : ":" + parts.tag.value_or(kDefaultTag);
  return std::move(error).with_hint("write docker://docker.io/" +
                                    std::string(official ? "library/" : "") + name + suffix +
                                    " if that is meant");
}

Status check_registry(const Reference& ref) {
  if (!is_host(ref.host)) {
    return usage("malformed registry host " + quote(ref.host));
  }
  if (ref.name().size() > kMaxNameLength || !is_repository(ref.repository)) {
    return usage("malformed repository name " + quote(ref.repository));
  }
  if (ref.tag && !is_tag(*ref.tag)) {
    return usage("malformed tag " + quote(*ref.tag));
  }
  return check_one_of(ref);
}

Result<Reference> parse_registry(std::string_view text) {
  const NameParts parts = split_name(text);
  Reference ref{.kind = Reference::Kind::kRegistry};
  if (parts.digest) {
    ref.digest = MOSB_TRY(parse_digest(*parts.digest));
  }
  const std::size_t slash = parts.name.find('/');
  if (slash == std::string_view::npos || !looks_like_host(parts.name.substr(0, slash))) {
    return no_host(parts);
  }
  ref.host = std::string(parts.name.substr(0, slash));
  ref.repository = std::string(parts.name.substr(slash + 1));
  ref.tag = parts.tag;
  MOSB_CHECK(check_registry(ref));
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
  MOSB_CHECK(check_one_of(ref));
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
constexpr std::array<std::string_view, 8> kForeignTransports = {"dir:",
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
      .with_hint(
          "write docker://HOST/REPOSITORY:TAG, oci:DIR:TAG, oci-archive:FILE:TAG or "
          "docker-archive:FILE:NAME");
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
  if (take(text, "docker-archive:")) {
    return parse_path(Reference::Kind::kDockerArchive, text);
  }
  if (text.substr(0, 7) == "sha256:") {
    const Digest digest = MOSB_TRY(parse_digest(text));
    return Reference{.kind = Reference::Kind::kStore, .digest = digest};
  }
  MOSB_CHECK(check_transport(text));
  return parse_registry(text);
}

}  // namespace

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
    case Kind::kDockerArchive:
      return "docker-archive:" + path + suffix;
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
