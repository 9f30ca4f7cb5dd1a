#include "mosb/trust/crl.h"

#include <algorithm>
#include <utility>

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/trust/asn1_values.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

using X509CrlPtr = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslFree<ASN1_INTEGER_free>>;
using EnumeratedPtr = std::unique_ptr<ASN1_ENUMERATED, OpensslFree<ASN1_ENUMERATED_free>>;
using ScopePtr = std::unique_ptr<ISSUING_DIST_POINT, OpensslFree<ISSUING_DIST_POINT_free>>;
using GeneralizedTimePtr =
    std::unique_ptr<ASN1_GENERALIZEDTIME, OpensslFree<ASN1_GENERALIZEDTIME_free>>;

Error refuse(const std::string& why) {
  ERR_clear_error();
  return Error(Errc::kSignature, "the CRL " + why);
}

/// An extension that is absent (null) or decoded.
template <class Pointer>
Result<Pointer> find_extension(const X509_CRL& crl, int nid) {
  int critical = -1;
  Pointer value(
      static_cast<typename Pointer::pointer>(X509_CRL_get_ext_d2i(&crl, nid, &critical, nullptr)));
  if (!value && critical != -1) {
    return refuse(std::string("has a malformed extension ") + OBJ_nid2ln(nid));
  }
  return value;
}

Status check_extensions(const X509_CRL& crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(&crl); ++i) {
    X509_EXTENSION* const extension = X509_CRL_get_ext(&crl, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (X509_EXTENSION_get_critical(extension) != 0 && nid != NID_issuing_distribution_point &&
        nid != NID_delta_crl) {
      return refuse("has a critical extension that is not known");
    }
  }
  return ok();
}

/// Spec: RFC 5280 §5.2.5.
Status check_scope(const X509_CRL& crl, const Certificate& about) {
  const ScopePtr scope = MOSB_TRY(find_extension<ScopePtr>(crl, NID_issuing_distribution_point));
  if (!scope) {
    return ok();
  }
  if (scope->indirectCRL > 0) {
    return refuse("is indirect");
  }
  const auto& constraints = about.fields().basic_constraints;
  const bool ca = constraints && constraints->ca;
  if (scope->onlyattr > 0 || scope->onlysomereasons != nullptr || (scope->onlyCA > 0 && !ca) ||
      (scope->onlyuser > 0 && ca)) {
    return refuse("is not about such certificates or not about every reason");
  }
  return ok();
}

Status check_issuer(X509_CRL& crl, const Certificate& issuer) {
  const X509Ptr x509 = to_x509(issuer);
  const auto& constraints = issuer.fields().basic_constraints;
  if (!x509 || !constraints || !constraints->ca ||
      (X509_get_key_usage(x509.get()) & KU_CRL_SIGN) == 0) {
    return refuse("is by somebody who may not sign one");
  }
  if (X509_NAME_cmp(X509_CRL_get_issuer(&crl), X509_get_subject_name(x509.get())) != 0) {
    return refuse("is another issuer's");
  }
  const X509_ALGOR* algorithm = nullptr;
  X509_CRL_get0_signature(&crl, nullptr, &algorithm);
  if (!is_strong_signature(*algorithm)) {
    return refuse("is signed with an algorithm that is not accepted");
  }
  if (X509_CRL_verify(&crl, X509_get0_pubkey(x509.get())) != 1) {
    return refuse("has an invalid signature");
  }
  return ok();
}

Result<std::optional<SystemTime>> invalidity_date(const X509_REVOKED& entry) {
  int critical = -1;
  const GeneralizedTimePtr date(static_cast<ASN1_GENERALIZEDTIME*>(
      X509_REVOKED_get_ext_d2i(&entry, NID_invalidity_date, &critical, nullptr)));
  if (!date) {
    return critical == -1 ? Result(std::optional<SystemTime>())
                          : refuse("has a malformed invalidity date");
  }
  return std::optional(MOSB_TRY(decode_asn1_time(date.get())));
}

Result<CrlEntry::Kind> kind_of(const X509_REVOKED& entry) {
  int critical = -1;
  const EnumeratedPtr reason(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(&entry, NID_crl_reason, &critical, nullptr)));
  if (!reason) {
    return critical == -1 ? Result(CrlEntry::Kind::kRevoked) : refuse("has a malformed reason");
  }
  switch (ASN1_ENUMERATED_get(reason.get())) {
    case CRL_REASON_CERTIFICATE_HOLD:
      return CrlEntry::Kind::kOnHold;
    case CRL_REASON_REMOVE_FROM_CRL:
      return CrlEntry::Kind::kRemoved;
    default:
      return CrlEntry::Kind::kRevoked;
  }
}

Result<CrlEntry> decode_entry(const X509_REVOKED& entry) {
  for (int i = 0; i < X509_REVOKED_get_ext_count(&entry); ++i) {
    X509_EXTENSION* const extension = X509_REVOKED_get_ext(&entry, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (X509_EXTENSION_get_critical(extension) != 0 && nid != NID_crl_reason &&
        nid != NID_invalidity_date) {
      return refuse("has an entry with a critical extension that is not known");
    }
  }
  return CrlEntry{MOSB_TRY(kind_of(entry)),
                  MOSB_TRY(decode_asn1_time(X509_REVOKED_get0_revocationDate(&entry))),
                  MOSB_TRY(invalidity_date(entry))};
}

}  // namespace

struct Crl::Parsed {
  Bytes der;
  X509CrlPtr crl;
  SystemTime next_update;
  IntegerPtr number;
  IntegerPtr delta_base;
  std::optional<std::vector<std::string>> delta_urls;
};

Result<Crl> Crl::parse(ByteView der) {
  if (der.size() > kMaxCrl.value) {
    return refuse("is too large");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  X509CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (!crl || at != end) {
    return refuse("is malformed: " + take_openssl_error());
  }
  if (X509_CRL_get0_nextUpdate(crl.get()) == nullptr) {
    return refuse("does not say how long it counts");
  }
  Parsed parsed{Bytes(der.begin(), der.end()), std::move(crl), {}, nullptr, nullptr, {}};
  parsed.next_update = MOSB_TRY(decode_asn1_time(X509_CRL_get0_nextUpdate(parsed.crl.get())));
  parsed.number = MOSB_TRY(find_extension<IntegerPtr>(*parsed.crl, NID_crl_number));
  parsed.delta_base = MOSB_TRY(find_extension<IntegerPtr>(*parsed.crl, NID_delta_crl));
  const auto points = MOSB_TRY(find_extension<CrlDistPointsPtr>(*parsed.crl, NID_freshest_crl));
  if (points) {
    parsed.delta_urls = distribution_urls(points.get());
  }
  return Crl(std::make_shared<const Parsed>(std::move(parsed)));
}

const Bytes& Crl::der() const {
  return parsed_->der;
}

const std::optional<std::vector<std::string>>& Crl::delta_urls() const {
  return parsed_->delta_urls;
}

bool Crl::is_current(SystemTime now) const {
  return now <= parsed_->next_update;
}

Status Crl::check(const Certificate& issuer, const Certificate& about, SystemTime now) const {
  MOSB_CHECK(check_issuer(*parsed_->crl, issuer));
  MOSB_CHECK(check_extensions(*parsed_->crl));
  MOSB_CHECK(check_scope(*parsed_->crl, about));
  if (!is_current(now)) {
    return refuse("counted until " + to_rfc3339(parsed_->next_update));
  }
  return ok();
}

Status Crl::check_base() const {
  return parsed_->delta_base ? Status(refuse("is a delta where a complete one should be")) : ok();
}

Status Crl::check_delta_of(const Crl& base) const {
  if (!parsed_->delta_base || !parsed_->number) {
    return refuse("is no delta");
  }
  if (!base.parsed_->number ||
      ASN1_INTEGER_cmp(parsed_->delta_base.get(), base.parsed_->number.get()) > 0 ||
      ASN1_INTEGER_cmp(parsed_->number.get(), base.parsed_->number.get()) <= 0) {
    return refuse("is no delta of the complete one");
  }
  return ok();
}

Result<std::vector<CrlEntry>> Crl::entries_of(const Certificate& certificate) const {
  const X509Ptr x509 = to_x509(certificate);
  if (!x509) {
    return refuse("cannot be searched");
  }
  std::vector<CrlEntry> entries;
  const STACK_OF(X509_REVOKED)* const all = X509_CRL_get_REVOKED(parsed_->crl.get());
  for (int i = 0; i < sk_X509_REVOKED_num(all); ++i) {
    const X509_REVOKED* const entry = sk_X509_REVOKED_value(all, i);
    if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(entry),
                         X509_get0_serialNumber(x509.get())) == 0) {
      entries.push_back(MOSB_TRY(decode_entry(*entry)));
    }
  }
  return entries;
}

}  // namespace mosb::trust
