#include "mosb/trust/cose_header.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/cbor_writer.h"

namespace mosb::trust {

namespace {

/// "Epoch-based date/time". Spec: RFC 8949 §3.4.2.
constexpr std::uint64_t kTimeTag = 1;
/// 9999-12-31T23:59:59Z: the last second that RFC 3339 can write.
constexpr std::int64_t kMaxTime = 253402300799;

constexpr std::int64_t kKeyId = 4;
/// IV, partial IV, and the counter signatures of RFC 8152 and RFC 9338.
constexpr std::array<std::int64_t, 6> kUseless{5, 6, 7, 9, 11, 12};

Error refuse(const std::string& why) {
  return Error(Errc::kSignature, why);
}

std::string describe(const CborLabel& label) {
  return "the header " + quote(label_name(label));
}

Result<const CborValue*> require(const CborMap& header, const CborLabel& label) {
  const CborValue* const value = find_label(header, label);
  if (value == nullptr) {
    return refuse(describe(label) + " is missing");
  }
  return value;
}

Result<std::string> require_text(const CborMap& header, const CborLabel& label) {
  const auto* const text = MOSB_TRY(require(header, label))->as<std::string>();
  if (text == nullptr) {
    return refuse(describe(label) + " is not a text");
  }
  return *text;
}

Result<std::optional<std::string>> optional_text(const CborMap& header, const char* label) {
  if (find_label(header, label) == nullptr) {
    return std::optional<std::string>();
  }
  return std::optional(MOSB_TRY(require_text(header, label)));
}

Result<SignatureAlgorithm> parse_algorithm(const CborMap& header) {
  const auto* const number = MOSB_TRY(require(header, kCoseAlgorithm))->as<std::int64_t>();
  const auto algorithm = number == nullptr ? std::nullopt : parse_cose_algorithm(*number);
  if (!algorithm) {
    return refuse("unsupported signature algorithm" +
                  (number == nullptr ? "" : " " + std::to_string(*number)));
  }
  return *algorithm;
}

Result<std::optional<SystemTime>> optional_time(const CborMap& header, const char* label) {
  const CborValue* const value = find_label(header, label);
  if (value == nullptr) {
    return std::optional<SystemTime>();
  }
  const auto* const tagged = value->as<CborTagged>();
  const auto* const seconds = tagged == nullptr || tagged->tag != kTimeTag
                                  ? nullptr
                                  : tagged->item.front().as<std::int64_t>();
  if (seconds == nullptr || *seconds < 0 || *seconds > kMaxTime) {
    return refuse(describe(label) + " is not a time in whole seconds with tag 1");
  }
  return std::optional(SystemTime(std::chrono::seconds(*seconds)));
}

Result<SigningScheme> parse_scheme(const CborMap& header) {
  const std::string name = MOSB_TRY(require_text(header, kSigningScheme));
  const auto scheme = parse_signing_scheme(name);
  if (!scheme) {
    return refuse("unsupported signing scheme " + quote(name));
  }
  return *scheme;
}

Result<SystemTime> parse_signing_time(const CborMap& header, SigningScheme scheme) {
  const std::string suffix = std::string(" in the scheme ") + signing_scheme_name(scheme);
  if (find_label(header, other_signing_time(scheme)) != nullptr) {
    return refuse(describe(other_signing_time(scheme)) + " must not be present" + suffix);
  }
  const auto time = MOSB_TRY(optional_time(header, signing_time_of(scheme)));
  if (!time) {
    return refuse(describe(signing_time_of(scheme)) + " must be present" + suffix);
  }
  return *time;
}

/// A label out of `crit`.
Result<CborLabel> parse_critical(const CborValue& value) {
  if (const auto* const number = value.as<std::int64_t>()) {
    return CborLabel(*number);
  }
  if (const auto* const text = value.as<std::string>()) {
    return CborLabel(*text);
  }
  return refuse("'crit' has an element that is neither an integer nor a text");
}

bool is_never_critical(const CborLabel& label) {
  return label == CborLabel(kCoseAlgorithm) || label == CborLabel(kCoseCritical) ||
         label == CborLabel(kCoseContentType) || label == CborLabel(kSigningTime);
}

/// Checks `crit` and collects the critical labels that nobody here knows.
Status check_critical(const CborMap& header, SignedAttributes& attributes) {
  const auto* const critical = MOSB_TRY(require(header, kCoseCritical))->as<CborArray>();
  if (critical == nullptr) {
    return refuse("the header '2' is not an array");
  }
  std::set<std::string> missing = must_be_critical(attributes);
  std::set<CborLabel> seen;
  for (const CborValue& value : *critical) {
    const CborLabel label = MOSB_TRY(parse_critical(value));
    if (is_never_critical(label) || find_label(header, label) == nullptr ||
        !seen.insert(label).second) {
      return refuse(describe(label) +
                    " is marked critical, but it is not present, marked twice or never critical");
    }
    const auto* const name = std::get_if<std::string>(&label);
    if (name == nullptr || missing.erase(*name) == 0) {
      attributes.unknown_critical.push_back(label_name(label));
    }
  }
  if (!missing.empty()) {
    return refuse(describe(*missing.begin()) + " is not marked critical");
  }
  return ok();
}

Status parse_plugin(const CborMap& header, SignedAttributes& attributes) {
  attributes.verification_plugin = MOSB_TRY(optional_text(header, kVerificationPlugin));
  attributes.verification_plugin_min_version =
      MOSB_TRY(optional_text(header, kVerificationPluginMinVersion));
  return ok();
}

Result<CoseHeader> parse(ByteView bytes) {
  const CborValue value = MOSB_TRY(parse_cbor(bytes, kMaxEnvelope, CborTags::kAllowed));
  const auto* const header = value.as<CborMap>();
  if (header == nullptr) {
    return refuse("it is not a map");
  }
  MOSB_CHECK(check_cose_parameters(*header));
  CoseHeader result;
  result.algorithm = MOSB_TRY(parse_algorithm(*header));
  const std::string type = MOSB_TRY(require_text(*header, kCoseContentType));
  if (type != kPayloadType) {
    return refuse("unsupported payload content type " + quote(type));
  }
  SignedAttributes& attributes = result.attributes;
  attributes.scheme = MOSB_TRY(parse_scheme(*header));
  attributes.signing_time = MOSB_TRY(parse_signing_time(*header, attributes.scheme));
  attributes.expiry = MOSB_TRY(optional_time(*header, kExpiry));
  MOSB_CHECK(parse_plugin(*header, attributes));
  MOSB_CHECK(check_attributes(attributes));
  MOSB_CHECK(check_critical(*header, attributes));
  for (const CborEntry& entry : *header) {
    result.labels.push_back(entry.label);
  }
  return result;
}

void print_time(CborWriter& out, SystemTime time) {
  out.tag(kTimeTag).integer(time.time_since_epoch().count());
}

}  // namespace

Result<CoseHeader> parse_cose_header(ByteView bytes) {
  return parse(bytes).as(Errc::kSignature).context("protected header");
}

Status check_cose_parameters(const CborMap& header) {
  for (const std::int64_t label : kUseless) {
    if (find_label(header, label) != nullptr) {
      return refuse(describe(label) + " is not supported");
    }
  }
  const CborValue* const key_id = find_label(header, kKeyId);
  if (key_id != nullptr && key_id->as<Bytes>() == nullptr) {
    return refuse(describe(kKeyId) + " is not a byte string");
  }
  return ok();
}

std::string print_cose_header(const EnvelopeContent& content) {
  // Shorter labels first, those of one length in the order of their bytes: RFC 8949 §4.2.1 for
  // these labels.
  const std::size_t expiry = content.expiry ? 1 : 0;
  CborWriter out;
  out.map(5 + expiry);
  out.integer(kCoseAlgorithm).integer(cose_algorithm(content.algorithm));
  out.integer(kCoseCritical).array(1 + expiry).text(kSigningScheme);
  if (content.expiry) {
    out.text(kExpiry);
  }
  out.integer(kCoseContentType).text(kPayloadType);
  if (content.expiry) {
    print_time(out.text(kExpiry), *content.expiry);
  }
  print_time(out.text(kSigningTime), content.signing_time);
  out.text(kSigningScheme).text(signing_scheme_name(SigningScheme::kX509));
  return out.str();
}

}  // namespace mosb::trust
