#include "mosb/trust/ess_certificate_id.h"

#include <memory>

#include "mosb/trust/der_reader.h"
#include "mosb/trust/openssl_handles.h"

namespace mosb::trust {

namespace {

using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR_free>>;

Bytes copy(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

Result<Sha2> parse_hash(ByteView der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const AlgorithmPtr algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* oid = nullptr;
  if (algorithm) {
    X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm.get());
  }
  ERR_clear_error();
  const auto hash = oid == nullptr ? std::nullopt : sha2_of_nid(OBJ_obj2nid(oid));
  if (!hash) {
    return Error(Errc::kSignature, "it has a hash that is not accepted");
  }
  return *hash;
}

/// IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER }, with one directoryName.
Result<EssCertificateId::IssuerSerial> parse_issuer_serial(ByteView content) {
  DerReader reader(content);
  DerReader names(MOSB_TRY(reader.next(kDerSequence)).content);
  DerReader name(MOSB_TRY(names.next(kDerContext4)).content);
  const ByteView issuer = MOSB_TRY(name.next(kDerSequence)).whole;
  const ByteView serial = MOSB_TRY(reader.next(kDerInteger)).whole;
  if (!names.at_end() || !name.at_end() || !reader.at_end()) {
    return Error(Errc::kSignature, "its issuer and serial number are not one of each");
  }
  return EssCertificateId::IssuerSerial{copy(issuer), copy(serial)};
}

Result<EssCertificateId> parse_id(ByteView content) {
  EssCertificateId id;
  DerReader reader(content);
  if (reader.next_is(kDerSequence)) {
    id.hash = MOSB_TRY(parse_hash(MOSB_TRY(reader.next()).whole));
  }
  id.digest = copy(MOSB_TRY(reader.next(kDerOctetString)).content);
  if (!reader.at_end()) {
    id.issuer_serial = MOSB_TRY(parse_issuer_serial(MOSB_TRY(reader.next(kDerSequence)).content));
  }
  if (!reader.at_end()) {
    return Error(Errc::kSignature, "something follows its certificate identifier");
  }
  return id;
}

/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies … OPTIONAL }.
/// The first is the signer's; the others and the policies only narrow what the signer meant.
Result<EssCertificateId> parse_attribute(ByteView der) {
  DerReader attribute(der);
  const DerElement value = MOSB_TRY(attribute.next(kDerSequence));
  DerReader members(value.content);
  DerReader ids(MOSB_TRY(members.next(kDerSequence)).content);
  return parse_id(MOSB_TRY(ids.next(kDerSequence)).content);
}

}  // namespace

Result<EssCertificateId> EssCertificateId::parse(ByteView der) {
  return parse_attribute(der).context("malformed attribute signing-certificate-v2");
}

}  // namespace mosb::trust
