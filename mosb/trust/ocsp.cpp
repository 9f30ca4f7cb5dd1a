#include "mosb/trust/ocsp.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/ocsp.h>

#include "mosb/trust/asn1_values.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/cms_handles.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

using OcspRequestPtr = std::unique_ptr<OCSP_REQUEST, OpensslFree<OCSP_REQUEST_free>>;
using OcspResponsePtr = std::unique_ptr<OCSP_RESPONSE, OpensslFree<OCSP_RESPONSE_free>>;
using BasicResponsePtr = std::unique_ptr<OCSP_BASICRESP, OpensslFree<OCSP_BASICRESP_free>>;
using CertIdPtr = std::unique_ptr<OCSP_CERTID, OpensslFree<OCSP_CERTID_free>>;
using GeneralizedTimePtr =
    std::unique_ptr<ASN1_GENERALIZEDTIME, OpensslFree<ASN1_GENERALIZEDTIME_free>>;

constexpr std::string_view kOcspSigningUse = "1.3.6.1.5.5.7.3.9";

Error refuse(const std::string& why) {
  ERR_clear_error();
  return Error(Errc::kSignature, "the OCSP response " + why);
}

CertIdPtr make_id(const Certificate& certificate, const Certificate& issuer) {
  const X509Ptr subject = to_x509(certificate);
  const X509Ptr authority = to_x509(issuer);
  return CertIdPtr(
      subject && authority ? OCSP_cert_to_id(EVP_sha1(), subject.get(), authority.get()) : nullptr);
}

Result<BasicResponsePtr> open_response(ByteView bytes) {
  if (bytes.size() > kMaxOcspResponse.value) {
    return refuse("is too large");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* const end = at + bytes.size();
  const OcspResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(bytes.size())));
  if (!response || at != end) {
    return refuse("is malformed");
  }
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return refuse(std::string("is an error: ") + OCSP_response_status_str(status));
  }
  BasicResponsePtr basic(OCSP_response_get1_basic(response.get()));
  if (!basic) {
    return refuse("is not a basic one");
  }
  return basic;
}

/// A responder that the issuer authorised. Spec: RFC 6960 §4.2.2.2.
Status check_delegate(const Certificate& signer, const Certificate& issuer, SystemTime now) {
  const auto& uses = signer.fields().extended_key_usage;
  if (signer.fields().issuer_der != issuer.fields().subject_der ||
      !signer.check_signed_by(issuer)) {
    return refuse("is signed by somebody whom the issuer does not know");
  }
  if (!uses || std::find(uses->begin(), uses->end(), kOcspSigningUse) == uses->end()) {
    return refuse("is signed with a certificate that is not for OCSP signing");
  }
  return check_validity({signer}, now).context("the OCSP responder");
}

/// The delegate that may be revoked, if it was one.
Result<std::optional<Certificate>> check_signer(OCSP_BASICRESP& response,
                                                const Certificate& issuer,
                                                SystemTime now) {
  const CertificatesPtr known(sk_X509_new_null());
  X509Ptr authority = to_x509(issuer);
  if (!known || !authority || sk_X509_push(known.get(), authority.get()) <= 0) {
    return refuse("cannot be checked");
  }
  // The list has it now.
  (void)authority.release();
  X509* signer = nullptr;
  if (OCSP_resp_get0_signer(&response, &signer, known.get()) != 1) {
    return refuse("does not hold its signer's certificate");
  }
  const Certificate certificate = MOSB_TRY(from_x509(*signer));
  const bool is_delegate = !(certificate == issuer);
  if (is_delegate) {
    MOSB_CHECK(check_delegate(certificate, issuer, now));
  }
  if (!is_strong_signature(*OCSP_resp_get0_tbs_sigalg(&response))) {
    return refuse("is signed with an algorithm that is not accepted");
  }
  // Who the signer is was judged above; this finds the same one and checks the signature.
  if (OCSP_basic_verify(&response, known.get(), nullptr, OCSP_NOVERIFY) != 1) {
    return refuse("has an invalid signature");
  }
  const bool revocable =
      is_delegate && X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) < 0;
  return revocable ? std::optional(certificate) : std::nullopt;
}

Status check_extensions(OCSP_SINGLERESP& single) {
  for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(&single); ++i) {
    if (X509_EXTENSION_get_critical(OCSP_SINGLERESP_get_ext(&single, i)) != 0) {
      return refuse("has a critical extension that is not known");
    }
  }
  return ok();
}

Result<std::optional<SystemTime>> invalidity_date(OCSP_SINGLERESP& single) {
  int critical = -1;
  const GeneralizedTimePtr date(static_cast<ASN1_GENERALIZEDTIME*>(
      OCSP_SINGLERESP_get1_ext_d2i(&single, NID_invalidity_date, &critical, nullptr)));
  if (!date) {
    return critical == -1 ? Result(std::optional<SystemTime>())
                          : refuse("has a malformed invalidity date");
  }
  return std::optional(MOSB_TRY(decode_asn1_time(date.get())));
}

Result<OcspStatus> decode_single(OCSP_SINGLERESP& single, SystemTime now) {
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int status = OCSP_single_get0_status(&single, nullptr, nullptr, nullptr, &next_update);
  // Without an end it would count for ever, and whoever recorded it could show it then.
  if (next_update == nullptr || now > MOSB_TRY(decode_asn1_time(next_update))) {
    return refuse("does not count any more");
  }
  MOSB_CHECK(check_extensions(single));
  switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
      return OcspStatus{OcspStatus::Kind::kGood, {}};
    case V_OCSP_CERTSTATUS_REVOKED:
      return OcspStatus{OcspStatus::Kind::kRevoked, MOSB_TRY(invalidity_date(single))};
    default:
      return OcspStatus{OcspStatus::Kind::kUnknown, {}};
  }
}

}  // namespace

Result<std::string> make_ocsp_request(const Certificate& certificate, const Certificate& issuer) {
  const Error failed(Errc::kInternal, "an OCSP request cannot be made");
  const OcspRequestPtr request(OCSP_REQUEST_new());
  CertIdPtr id = make_id(certificate, issuer);
  if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr) {
    return failed;
  }
  // The request has it now.
  (void)id.release();
  const int length = i2d_OCSP_REQUEST(request.get(), nullptr);
  std::string der(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (length <= 0 || i2d_OCSP_REQUEST(request.get(), &out) != length) {
    return failed;
  }
  return der;
}

Result<OcspStatus> read_ocsp_response(ByteView response,
                                      const Certificate& certificate,
                                      const Certificate& issuer,
                                      SystemTime now) {
  const BasicResponsePtr basic = MOSB_TRY(open_response(response));
  auto delegate = MOSB_TRY(check_signer(*basic, issuer, now));
  const CertIdPtr id = make_id(certificate, issuer);
  const int at = id ? OCSP_resp_find(basic.get(), id.get(), -1) : -1;
  if (at < 0) {
    return refuse("is about another certificate");
  }
  OcspStatus status = MOSB_TRY(decode_single(*OCSP_resp_get0(basic.get(), at), now));
  status.revocable_delegate = std::move(delegate);
  ERR_clear_error();
  return status;
}

}  // namespace mosb::trust
