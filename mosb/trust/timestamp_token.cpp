#include "mosb/trust/timestamp_token.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/certificate_path.h"
#include "mosb/trust/cms_handles.h"
#include "mosb/trust/ess_certificate_id.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

/// An authority needs one signer and a handful of certificates.
constexpr int kMaxSigners = 8;
constexpr int kMaxCertificates = 32;

Error malformed(const std::string& what) {
  ERR_clear_error();
  return Error(Errc::kSignature, "malformed timestamp token: " + what);
}

Error refuse(const std::string& why) {
  ERR_clear_error();
  return Error(Errc::kSignature, "the timestamp token " + why);
}

ByteView view(const ASN1_STRING& string) {
  return {reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(&string)),
          static_cast<std::size_t>(ASN1_STRING_length(&string))};
}

/// Whether SignedData, two levels down, says version 3, as it does around anything that is not
/// plain data. OpenSSL does not tell. Spec: RFC 5652 §5.1.
bool is_version_3(ByteView token) {
  const auto* at = reinterpret_cast<const unsigned char*>(token.data());
  const auto* const end = at + token.size();
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  const auto enter = [&](int wanted) {
    const int form = ASN1_get_object(&at, &length, &tag, &tag_class, end - at);
    return (form & 0x80) == 0 && tag == wanted;
  };
  if (!enter(V_ASN1_SEQUENCE) || !enter(V_ASN1_OBJECT)) {
    return false;
  }
  at += length;
  return enter(0) && enter(V_ASN1_SEQUENCE) && enter(V_ASN1_INTEGER) && length == 1 && *at == 3;
}

/// The value of a signed attribute that must be there once; null otherwise.
const void* signed_attribute(const CMS_SignerInfo& signer, int nid, int type) {
  constexpr int kOnceWithOneValue = -3;
  return CMS_signed_get0_data_by_OBJ(&signer, OBJ_nid2obj(nid), kOnceWithOneValue, type);
}

/// The hash of a signer's message digest and signature: one of SHA-2, the same for both.
Result<Sha2> signer_hash(CMS_SignerInfo& signer) {
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* signature = nullptr;
  CMS_SignerInfo_get0_algs(&signer, nullptr, nullptr, &digest, &signature);
  const ASN1_OBJECT* oid = nullptr;
  X509_ALGOR_get0(&oid, nullptr, nullptr, digest);
  const auto hash = sha2_of_nid(OBJ_obj2nid(oid));
  if (!hash) {
    return refuse("is signed with a hash that is not accepted");
  }
  X509_ALGOR_get0(&oid, nullptr, nullptr, signature);
  const int algorithm = OBJ_obj2nid(oid);
  // These two take the hash from the digest algorithm; OpenSSL compares PSS parameters with it.
  if (algorithm == NID_rsaEncryption || algorithm == NID_rsassaPss) {
    return *hash;
  }
  int used_hash = NID_undef;
  int key = NID_undef;
  if (OBJ_find_sigid_algs(algorithm, &used_hash, &key) != 1 || used_hash != nid_of(*hash) ||
      (key != NID_rsaEncryption && key != NID_X9_62_id_ecPublicKey)) {
    return refuse("is signed with an algorithm that is not accepted");
  }
  return *hash;
}

/// Whether the signed attributes are about this content. Spec: RFC 5652 §5.6, §11.
Status check_content(const CMS_SignerInfo& signer, Sha2 hash, ByteView content) {
  const auto* const type = static_cast<const ASN1_OBJECT*>(
      signed_attribute(signer, NID_pkcs9_contentType, V_ASN1_OBJECT));
  if (type == nullptr || OBJ_obj2nid(type) != NID_id_smime_ct_TSTInfo) {
    return refuse("has no signed content type of a timestamp");
  }
  const auto* const digest = static_cast<const ASN1_STRING*>(
      signed_attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING));
  const Bytes wanted = hash_of(hash, content);
  if (digest == nullptr || wanted.empty() || !std::ranges::equal(view(*digest), wanted)) {
    return refuse("says something else than what was signed");
  }
  return ok();
}

/// The time that the signer says it signed at, if it does. Spec: RFC 5652 §11.3.
Result<std::optional<SystemTime>> signing_time(const CMS_SignerInfo& signer) {
  const int at = CMS_signed_get_attr_by_NID(&signer, NID_pkcs9_signingTime, -1);
  if (at < 0) {
    return std::optional<SystemTime>();
  }
  X509_ATTRIBUTE* const attribute = CMS_signed_get_attr(&signer, at);
  const ASN1_TYPE* const value = X509_ATTRIBUTE_get0_type(attribute, 0);
  std::tm parts{};
  if (value == nullptr ||
      (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
      ASN1_TIME_to_tm(value->value.asn1_string, &parts) != 1) {
    return refuse("has a signing time that does not decode");
  }
  return std::optional(SystemTime(std::chrono::seconds(::timegm(&parts))));
}

Result<EssCertificateId> certificate_id(const CMS_SignerInfo& signer) {
  const auto* const value = static_cast<const ASN1_STRING*>(
      signed_attribute(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE));
  if (value == nullptr) {
    return refuse("lacks the signed attribute signing-certificate-v2");
  }
  return EssCertificateId::parse(view(*value));
}

Bytes serial_der(const X509& x509) {
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(&x509);
  const int length = i2d_ASN1_INTEGER(serial, nullptr);
  Bytes der(length > 0 ? static_cast<std::size_t>(length) : 0);
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ASN1_INTEGER(serial, &out);
  return der;
}

bool names(const EssCertificateId& id, const X509& x509, const Certificate& certificate) {
  if (id.issuer_serial && (id.issuer_serial->issuer != certificate.fields().issuer_der ||
                           id.issuer_serial->serial != serial_der(x509))) {
    return false;
  }
  const Bytes digest = hash_of(id.hash, certificate.der());
  return !digest.empty() && digest == id.digest;
}

}  // namespace

struct TimestampToken::Parsed {
  CmsPtr cms;
  CertificatesPtr certificates;
  Bytes content;
  TimestampInfo info;

  /// The certificate that both the signer's identifier and its signed attribute name; null if the
  /// token does not hold it.
  Result<X509*> signer_certificate(CMS_SignerInfo& signer) const {
    ASN1_OCTET_STRING* key_id = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (CMS_SignerInfo_get0_signer_id(&signer, &key_id, &issuer, &serial) != 1 ||
        issuer == nullptr) {
      return refuse("does not name its signer by issuer and serial number");
    }
    const EssCertificateId id = MOSB_TRY(certificate_id(signer));
    for (int i = 0; i < sk_X509_num(certificates.get()); ++i) {
      X509* const candidate = sk_X509_value(certificates.get(), i);
      if (CMS_SignerInfo_cert_cmp(&signer, candidate) == 0 &&
          names(id, *candidate, MOSB_TRY(from_x509(*candidate)))) {
        return candidate;
      }
    }
    return refuse("does not hold its signer's certificate");
  }

  Result<std::vector<Certificate>> path_of(CMS_SignerInfo& signer,
                                           const std::vector<Certificate>& roots) const {
    X509* const certificate = MOSB_TRY(signer_certificate(signer));
    const Sha2 hash = MOSB_TRY(signer_hash(signer));
    MOSB_CHECK(check_content(signer, hash, content));
    CMS_SignerInfo_set1_signer_cert(&signer, certificate);
    if (CMS_SignerInfo_verify(&signer) != 1) {
      return refuse("has an invalid signature");
    }
    std::vector<Certificate> path =
        MOSB_TRY(find_timestamping_path(*certificate, certificates.get(), roots, info.time));
    MOSB_CHECK(check_timestamping_chain(path));
    MOSB_CHECK(check_validity(path, info.time));
    if (const auto signed_at = MOSB_TRY(signing_time(signer))) {
      MOSB_CHECK(check_validity(path, *signed_at).context("the timestamp's signing time"));
    }
    return path;
  }
};

Result<TimestampToken> TimestampToken::parse(ByteView bytes) {
  if (bytes.size() > kMaxTimestampToken.value) {
    return malformed("it has more than " + std::to_string(kMaxTimestampToken.value) + " bytes");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* const end = at + bytes.size();
  CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(bytes.size())));
  if (!cms) {
    return malformed(take_openssl_error());
  }
  if (at != end) {
    return malformed("something follows it");
  }
  if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed || !is_version_3(bytes)) {
    return malformed("it is not CMS signed data of version 3");
  }
  if (OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_id_smime_ct_TSTInfo) {
    return malformed("its content is no timestamp");
  }
  const ASN1_OCTET_STRING* const* const content = CMS_get0_content(cms.get());
  if (content == nullptr || *content == nullptr) {
    return malformed("it has no content");
  }
  const ByteView info_der = view(**content);
  TimestampInfo info = MOSB_TRY(TimestampInfo::parse(info_der));
  CertificatesPtr certificates(CMS_get1_certs(cms.get()));
  if (sk_X509_num(certificates.get()) > kMaxCertificates ||
      sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms.get())) > kMaxSigners) {
    return malformed("it has too many signers or certificates");
  }
  ERR_clear_error();
  Bytes copy(info_der.begin(), info_der.end());
  return TimestampToken(std::make_shared<const Parsed>(
      Parsed{std::move(cms), std::move(certificates), std::move(copy), std::move(info)}));
}

const TimestampInfo& TimestampToken::info() const {
  return parsed_->info;
}

Result<std::vector<Certificate>> TimestampToken::signer_path(
    const std::vector<Certificate>& roots) const {
  const STACK_OF(CMS_SignerInfo)* const signers = CMS_get0_SignerInfos(parsed_->cms.get());
  Error reason = refuse("has no signer");
  for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i) {
    auto path = parsed_->path_of(*sk_CMS_SignerInfo_value(signers, i), roots);
    if (path) {
      return path;
    }
    reason = std::move(path).error();
  }
  return reason;
}

}  // namespace mosb::trust
