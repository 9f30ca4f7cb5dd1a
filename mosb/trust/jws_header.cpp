#include "mosb/trust/jws_header.h"

#include <algorithm>
#include <array>
#include <set>

#include "mosb/base/json.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/trust/strict_names.h"

namespace mosb::trust {

namespace {

constexpr std::array<std::string_view, 9> kKnownNames{"alg",
                                                      "cty",
                                                      "crit",
                                                      kSigningScheme,
                                                      kSigningTime,
                                                      kAuthenticSigningTime,
                                                      kExpiry,
                                                      kVerificationPlugin,
                                                      kVerificationPluginMinVersion};

/// Registered names that must never be listed as critical.
constexpr std::array<std::string_view, 4> kNeverCritical{"alg", "cty", "crit", kSigningTime};

Error refuse(const std::string& why) {
  return Error(Errc::kSignature, why);
}

/// Absent, null and the year 1 mean "no time": that is how Go writes an unset one.
Result<std::optional<SystemTime>> optional_time(const Json& header, const char* name) {
  const auto member = header.find(name);
  if (member == header.end() || member->is_null()) {
    return std::optional<SystemTime>();
  }
  const std::string text = MOSB_TRY(json::require_string(header, name));
  if (text == "0001-01-01T00:00:00Z") {
    return std::optional<SystemTime>();
  }
  return std::optional(MOSB_TRY(parse_rfc3339(text).context(name)));
}

Result<SigningScheme> parse_scheme(const Json& header) {
  const std::string name = MOSB_TRY(json::require_string(header, kSigningScheme));
  const auto scheme = parse_signing_scheme(name);
  if (!scheme) {
    return refuse("unsupported signing scheme " + quote(name));
  }
  return *scheme;
}

Result<SystemTime> parse_signing_time(const Json& header, SigningScheme scheme) {
  const std::string suffix = std::string(" in the scheme ") + signing_scheme_name(scheme);
  if (header.contains(other_signing_time(scheme))) {
    return refuse("the header " + quote(other_signing_time(scheme)) + " must not be present" +
                  suffix);
  }
  const auto time = MOSB_TRY(optional_time(header, signing_time_of(scheme)));
  if (!time) {
    return refuse("the header " + quote(signing_time_of(scheme)) + " must be present" + suffix);
  }
  return *time;
}

/// Checks `crit` and collects the critical names that nobody here knows.
Status check_critical(const Json& header, SignedAttributes& attributes) {
  const auto critical = MOSB_TRY(json::optional_string_list(header, "crit"));
  std::set<std::string> missing = must_be_critical(attributes);
  std::set<std::string> seen;
  for (const std::string& name : critical) {
    const bool never =
        std::find(kNeverCritical.begin(), kNeverCritical.end(), name) != kNeverCritical.end();
    if (never || !header.contains(name) || !seen.insert(name).second) {
      return refuse("the header " + quote(name) +
                    " is marked critical, but it is not present, marked twice or never critical");
    }
    if (missing.erase(name) == 0) {
      attributes.unknown_critical.push_back(name);
    }
  }
  if (!missing.empty()) {
    return refuse("the header " + quote(*missing.begin()) + " is not marked critical");
  }
  return ok();
}

Status parse_plugin(const Json& header, SignedAttributes& attributes) {
  attributes.verification_plugin = MOSB_TRY(json::optional_string(header, kVerificationPlugin));
  attributes.verification_plugin_min_version =
      MOSB_TRY(json::optional_string(header, kVerificationPluginMinVersion));
  return ok();
}

Result<JwsHeader> parse(std::string_view text) {
  const Json header = MOSB_TRY(json::parse(text, kMaxEnvelope));
  if (!header.is_object()) {
    return refuse("it is not an object");
  }
  MOSB_CHECK(refuse_miscased_names(header, kKnownNames));
  if (header.contains("b64")) {
    return refuse("the header 'b64' is not supported");
  }
  JwsHeader result;
  const std::string algorithm = MOSB_TRY(json::require_string(header, "alg"));
  const auto known = parse_jws_name(algorithm);
  if (!known) {
    return refuse("unsupported signature algorithm " + quote(algorithm));
  }
  result.algorithm = *known;
  const std::string type = MOSB_TRY(json::require_string(header, "cty"));
  if (type != kPayloadType) {
    return refuse("unsupported payload content type " + quote(type));
  }
  SignedAttributes& attributes = result.attributes;
  attributes.scheme = MOSB_TRY(parse_scheme(header));
  attributes.signing_time = MOSB_TRY(parse_signing_time(header, attributes.scheme));
  attributes.expiry = MOSB_TRY(optional_time(header, kExpiry));
  MOSB_CHECK(parse_plugin(header, attributes));
  MOSB_CHECK(check_attributes(attributes));
  MOSB_CHECK(check_critical(header, attributes));
  for (const auto& item : header.items()) {
    result.names.push_back(item.key());
  }
  return result;
}

}  // namespace

Result<JwsHeader> parse_jws_header(std::string_view text) {
  return parse(text).as(Errc::kSignature).context("protected header");
}

}  // namespace mosb::trust
