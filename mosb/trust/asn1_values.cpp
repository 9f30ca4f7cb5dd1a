#include "mosb/trust/asn1_values.h"

#include <ctime>
#include <memory>

#include <openssl/rsa.h>

#include "mosb/trust/sha2.h"

namespace mosb::trust {

namespace {

using PssPtr = std::unique_ptr<RSA_PSS_PARAMS, OpensslFree<RSA_PSS_PARAMS_free>>;

bool is_sha2(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* oid = nullptr;
  if (algorithm != nullptr) {
    X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
  }
  return oid != nullptr && sha2_of_nid(OBJ_obj2nid(oid)).has_value();
}

}  // namespace

Result<SystemTime> decode_asn1_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    ERR_clear_error();
    return Error(Errc::kSignature, "a time is missing or does not decode");
  }
  return SystemTime(std::chrono::seconds(::timegm(&parts)));
}

bool is_strong_signature(const X509_ALGOR& algorithm) {
  const ASN1_OBJECT* oid = nullptr;
  int type = V_ASN1_UNDEF;
  const void* parameters = nullptr;
  X509_ALGOR_get0(&oid, &type, &parameters, &algorithm);
  const int nid = OBJ_obj2nid(oid);
  if (nid == NID_rsassaPss) {
    if (type != V_ASN1_SEQUENCE) {
      return false;
    }
    const auto* const sequence = static_cast<const ASN1_STRING*>(parameters);
    const unsigned char* at = ASN1_STRING_get0_data(sequence);
    const PssPtr pss(d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(sequence)));
    ERR_clear_error();
    return pss && is_sha2(pss->hashAlgorithm);
  }
  int hash = NID_undef;
  int key = NID_undef;
  return OBJ_find_sigid_algs(nid, &hash, &key) == 1 && sha2_of_nid(hash).has_value() &&
         (key == NID_rsaEncryption || key == NID_X9_62_id_ecPublicKey);
}

std::vector<std::string> distribution_urls(const CRL_DIST_POINTS* points) {
  std::vector<std::string> urls;
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points); ++i) {
    const DIST_POINT_NAME* const point = sk_DIST_POINT_value(points, i)->distpoint;
    // 0 is fullName; the other form is relative to the issuer and has no URL.
    if (point == nullptr || point->type != 0) {
      continue;
    }
    const GENERAL_NAMES* const names = point->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j) {
      const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, j);
      if (name->type == GEN_URI) {
        const ASN1_STRING* const text = name->d.uniformResourceIdentifier;
        urls.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                          static_cast<std::size_t>(ASN1_STRING_length(text)));
      }
    }
  }
  return urls;
}

}  // namespace mosb::trust
