#include "mosb/trust/jws_envelope.h"

#include <array>
#include <utility>

#include "mosb/base/base64.h"
#include "mosb/base/json.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/go_json.h"
#include "mosb/trust/jws_header.h"
#include "mosb/trust/strict_names.h"

namespace mosb::trust {

namespace {

constexpr std::array<std::string_view, 4> kMembers{"payload", "protected", "header", "signature"};
constexpr std::array<std::string_view, 3> kHeaderMembers{"x5c", kTimestampSignature, kSigningAgent};

Error refuse(const std::string& why) {
  return Error(Errc::kSignature, why);
}

Result<std::string> decode_text(const Json& envelope, const char* name) {
  const std::string text = MOSB_TRY(json::require_string(envelope, name));
  const Bytes bytes = MOSB_TRY(base64url_decode(text).context(name));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<std::vector<Certificate>> parse_chain(const Json& header) {
  std::vector<Certificate> chain;
  const auto texts = MOSB_TRY(json::optional_string_list(header, "x5c"));
  if (texts.empty()) {
    return refuse("there is no certificate chain");
  }
  if (texts.size() > kMaxChainLength) {
    return refuse("the certificate chain is longer than " + std::to_string(kMaxChainLength));
  }
  for (const std::string& text : texts) {
    const Bytes der = MOSB_TRY(base64_decode(text).context("x5c"));
    chain.push_back(MOSB_TRY(Certificate::from_der(der)));
  }
  return chain;
}

/// The unprotected header: nothing in it is signed, so it must not speak about signed things.
Status parse_unprotected(const Json& header,
                         const JwsHeader& protected_header,
                         SignatureEnvelope& envelope) {
  MOSB_CHECK(refuse_miscased_names(header, kHeaderMembers));
  for (const std::string& name : protected_header.names) {
    if (header.contains(name)) {
      return refuse("the header " + quote(name) + " stands in both headers");
    }
  }
  if (header.contains("crit")) {
    return refuse("the unprotected header has a member 'crit'");
  }
  envelope.chain = MOSB_TRY(parse_chain(header));
  (void)MOSB_TRY(json::optional_string(header, kSigningAgent));
  const auto timestamp = MOSB_TRY(json::optional_string(header, kTimestampSignature));
  if (timestamp) {
    envelope.timestamp = MOSB_TRY(base64_decode(*timestamp).context(kTimestampSignature));
  }
  return ok();
}

Result<SignatureEnvelope> parse(std::string_view text) {
  const Json object = MOSB_TRY(json::parse(text, kMaxEnvelope));
  if (!object.is_object()) {
    return refuse("it is not an object");
  }
  MOSB_CHECK(refuse_miscased_names(object, kMembers));
  // RFC 7515 §7.2.2: the flattened form must not have it.
  if (object.contains("signatures")) {
    return refuse("it is in the general serialisation; only the flattened one is accepted");
  }
  const Json& header = *MOSB_TRY(json::require_object(object, "header"));
  SignatureEnvelope envelope;
  const JwsHeader protected_header =
      MOSB_TRY(parse_jws_header(MOSB_TRY(decode_text(object, "protected"))));
  envelope.algorithm = protected_header.algorithm;
  envelope.attributes = protected_header.attributes;
  MOSB_CHECK(parse_unprotected(header, protected_header, envelope));
  envelope.payload = MOSB_TRY(decode_text(object, "payload"));
  if (envelope.payload.empty()) {
    return refuse("the payload is empty");
  }
  envelope.signature =
      MOSB_TRY(base64url_decode(MOSB_TRY(json::require_string(object, "signature"))));
  if (envelope.signature.empty()) {
    return refuse("the signature is empty");
  }
  // The texts as they came: encoding them again could give other bytes than were signed.
  envelope.signed_bytes = MOSB_TRY(json::require_string(object, "protected")) + "." +
                          MOSB_TRY(json::require_string(object, "payload"));
  return envelope;
}

}  // namespace

Result<SignatureEnvelope> parse_jws(std::string_view text) {
  return parse(text).as(Errc::kSignature).context("JWS envelope");
}

std::string jws_signing_input(const EnvelopeContent& content) {
  Json header{{"alg", jws_name(content.algorithm)},
              {"cty", kPayloadType},
              {"crit", Json::array({kSigningScheme})},
              {kSigningScheme, signing_scheme_name(SigningScheme::kX509)},
              {kSigningTime, to_rfc3339(content.signing_time)}};
  if (content.expiry) {
    header["crit"].push_back(kExpiry);
    header[kExpiry] = to_rfc3339(*content.expiry);
  }
  return base64url_encode(as_bytes(print_go_json(header))) + "." +
         base64url_encode(as_bytes(content.payload));
}

std::string print_jws(std::string_view signing_input,
                      const std::vector<Certificate>& chain,
                      ByteView signature,
                      ByteView timestamp) {
  const std::size_t dot = signing_input.find('.');
  OrderedJson x5c = OrderedJson::array();
  for (const Certificate& certificate : chain) {
    x5c.push_back(base64_encode(certificate.der()));
  }
  OrderedJson header = OrderedJson::object();
  if (!timestamp.empty()) {
    header[kTimestampSignature] = base64_encode(timestamp);
  }
  header["x5c"] = std::move(x5c);
  header[kSigningAgent] = kOurAgent;
  const OrderedJson envelope{{"payload", signing_input.substr(dot + 1)},
                             {"protected", signing_input.substr(0, dot)},
                             {"header", std::move(header)},
                             {"signature", base64url_encode(signature)}};
  return print_go_json(envelope);
}

}  // namespace mosb::trust
