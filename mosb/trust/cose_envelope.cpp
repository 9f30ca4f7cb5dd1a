#include "mosb/trust/cose_envelope.h"

#include <algorithm>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/cbor_value.h"
#include "mosb/trust/cbor_writer.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/cose_header.h"

namespace mosb::trust {

namespace {

/// The tag of COSE_Sign1 and the head of its array, in the only form that notation reads.
constexpr std::string_view kStart = "\xd2\x84";
constexpr std::uint64_t kSign1Tag = 18;
constexpr std::size_t kSign1Items = 4;

Error refuse(const std::string& why) {
  return Error(Errc::kSignature, why);
}

/// The four parts, of the right kinds.
struct Sign1 {
  const Bytes& protected_header;
  const CborMap& unprotected;
  const Bytes& payload;
  const Bytes& signature;
};

Result<Sign1> take_apart(const CborValue& message) {
  const auto* const items = message.as<CborArray>();
  if (items == nullptr || items->size() != kSign1Items) {
    return refuse("it is not an array of four items");
  }
  const auto* const protected_header = (*items)[0].as<Bytes>();
  const auto* const unprotected = (*items)[1].as<CborMap>();
  const auto* const payload = (*items)[2].as<Bytes>();
  const auto* const signature = (*items)[3].as<Bytes>();
  if (protected_header == nullptr) {
    return refuse("the protected header is not a byte string");
  }
  if (unprotected == nullptr) {
    return refuse("the unprotected header is not a map");
  }
  if (payload == nullptr || payload->empty()) {
    return refuse("the payload is empty or not a byte string");
  }
  if (signature == nullptr || signature->empty()) {
    return refuse("the signature is empty or not a byte string");
  }
  return Sign1{*protected_header, *unprotected, *payload, *signature};
}

Result<std::vector<Certificate>> parse_chain(const CborMap& header) {
  const CborValue* const value = find_label(header, kCoseX5chain);
  const auto* const items = value == nullptr ? nullptr : value->as<CborArray>();
  if (items == nullptr || items->empty()) {
    return refuse("there is no certificate chain");
  }
  if (items->size() > kMaxChainLength) {
    return refuse("the certificate chain is longer than " + std::to_string(kMaxChainLength));
  }
  std::vector<Certificate> chain;
  for (const CborValue& item : *items) {
    const auto* const der = item.as<Bytes>();
    if (der == nullptr) {
      return refuse("a certificate is not a byte string");
    }
    chain.push_back(MOSB_TRY(Certificate::from_der(*der)));
  }
  return chain;
}

/// The unprotected header: nothing in it is signed, so it must not speak about signed things.
Status parse_unprotected(const CborMap& header,
                         const CoseHeader& protected_header,
                         SignatureEnvelope& envelope) {
  MOSB_CHECK(check_cose_parameters(header));
  for (const CborLabel& label : protected_header.labels) {
    if (find_label(header, label) != nullptr) {
      return refuse("the header " + quote(label_name(label)) + " stands in both headers");
    }
  }
  envelope.chain = MOSB_TRY(parse_chain(header));
  // A value of another kind is no timestamp; notation sees none there, either.
  const CborValue* const timestamp = find_label(header, kTimestampSignature);
  if (timestamp != nullptr && timestamp->as<Bytes>() != nullptr) {
    envelope.timestamp = *timestamp->as<Bytes>();
  }
  return ok();
}

/// Spec: RFC 9052 §4.4; there is no external data.
std::string sig_structure(ByteView protected_header, ByteView payload) {
  CborWriter out;
  out.array(4).text("Signature1").bytes(protected_header).bytes({}).bytes(payload);
  return out.str();
}

Result<SignatureEnvelope> parse(std::string_view bytes) {
  if (bytes.substr(0, kStart.size()) != kStart) {
    return refuse("it is not a tagged COSE_Sign1");
  }
  const CborValue message =
      MOSB_TRY(parse_cbor(as_bytes(bytes.substr(1)), kMaxEnvelope, CborTags::kRefused));
  const Sign1 parts = MOSB_TRY(take_apart(message));
  const CoseHeader header = MOSB_TRY(parse_cose_header(parts.protected_header));
  SignatureEnvelope envelope;
  envelope.algorithm = header.algorithm;
  envelope.attributes = header.attributes;
  MOSB_CHECK(parse_unprotected(parts.unprotected, header, envelope));
  envelope.payload.assign(reinterpret_cast<const char*>(parts.payload.data()),
                          parts.payload.size());
  envelope.signature = parts.signature;
  // The protected header as it came: encoding it again could give other bytes than were signed.
  envelope.signed_bytes = sig_structure(parts.protected_header, parts.payload);
  return envelope;
}

}  // namespace

Result<SignatureEnvelope> parse_cose(std::string_view bytes) {
  return parse(bytes).as(Errc::kSignature).context("COSE envelope");
}

std::string cose_signing_input(const EnvelopeContent& content) {
  return sig_structure(as_bytes(print_cose_header(content)), as_bytes(content.payload));
}

std::string print_cose(const EnvelopeContent& content,
                       const std::vector<Certificate>& chain,
                       ByteView signature,
                       ByteView timestamp) {
  CborWriter out;
  out.tag(kSign1Tag).array(kSign1Items).bytes(as_bytes(print_cose_header(content)));
  out.map(timestamp.empty() ? 2 : 3).integer(kCoseX5chain).array(chain.size());
  for (const Certificate& certificate : chain) {
    out.bytes(certificate.der());
  }
  out.text(kSigningAgent).text(kOurAgent);
  if (!timestamp.empty()) {
    out.text(kTimestampSignature).bytes(timestamp);
  }
  out.bytes(as_bytes(content.payload)).bytes(signature);
  return out.str();
}

}  // namespace mosb::trust
