#include "mosb/oci/document.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxNameLength = 127;
constexpr std::uint64_t kSchemaVersion = 2;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// RFC 6838 §4.2: restricted-name.
bool is_restricted_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameLength && is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || std::string_view("!#$&-^_.+").find(c) != std::string::npos;
         });
}

Status check_own_media_type(const Json& document, const DocumentRules& rules) {
  const std::optional<std::string> own = MOSB_TRY(json::optional_string(document, "mediaType"));
  if (own ? *own == rules.media_type : rules.media_type_optional) {
    return ok();
  }
  return Error(Errc::kContent,
               own ? "its media type is " + quote(*own) + ", not " + quote(rules.media_type)
                   : "member 'mediaType' is missing");
}

Result<Json> check_document(Json document, const DocumentRules& rules) {
  if (!document.is_object()) {
    return Error(Errc::kContent, "not a JSON object");
  }
  MOSB_CHECK(check_own_media_type(document, rules));
  const std::uint64_t version = MOSB_TRY(json::require_uint(document, "schemaVersion"));
  if (version != kSchemaVersion) {
    return Error(Errc::kContent, "schemaVersion is " + std::to_string(version) + ", not 2");
  }
  for (const std::string& name : rules.foreign_members) {
    if (document.contains(name)) {
      return Error(
          Errc::kContent,
          "a document of type " + quote(rules.media_type) + " must not have " + quote(name));
    }
  }
  return document;
}

}  // namespace

Result<Json> parse_document(std::string_view bytes, ByteCount limit, const DocumentRules& rules) {
  return check_document(MOSB_TRY(json::parse(bytes, limit)), rules);
}

Result<Json> parse_document(std::string_view bytes,
                            ByteCount limit,
                            const DocumentRules& rules,
                            const json::Elements& elements) {
  return check_document(MOSB_TRY(json::parse(bytes, limit, elements)), rules);
}

Status check_media_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_restricted_name(text.substr(0, slash)) ||
      !is_restricted_name(text.substr(slash + 1))) {
    return Error(Errc::kContent, "malformed media type " + quote(text));
  }
  return ok();
}

Json without_nulls(const Json& object) {
  Json out = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) {
      out[name] = value;
    }
  }
  return out;
}

std::string print_json(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mosb::oci
