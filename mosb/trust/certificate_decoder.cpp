#include "mosb/trust/certificate_decoder.h"

#include <array>
#include <ctime>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/asn1_values.h"
#include "mosb/trust/public_key.h"

namespace mosb::trust {

namespace {

Error malformed(const std::string& what) {
  ERR_clear_error();
  return Error(Errc::kSignature, "malformed certificate: " + what);
}

/// An extension that is absent (null), or decoded together with its criticality.
template <class Pointer>
struct Extension {
  Pointer value;
  bool critical = false;
};

template <class Pointer>
Result<Extension<Pointer>> find_extension(X509& x509, int nid) {
  int critical = -1;
  Pointer value(
      static_cast<typename Pointer::pointer>(X509_get_ext_d2i(&x509, nid, &critical, nullptr)));
  // Null with a criticality other than -1 is "does not decode" or "stands twice".
  if (!value && critical != -1) {
    return malformed(std::string("extension ") + OBJ_nid2ln(nid));
  }
  return Extension<Pointer>{std::move(value), critical == 1};
}

std::string print_name(const X509_NAME& name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  constexpr unsigned long kFlags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!out || X509_NAME_print_ex(out.get(), &name, 0, kFlags) < 0) {
    ERR_clear_error();
    return "";
  }
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : "";
}

Result<Bytes> name_der(const X509_NAME& name) {
  const unsigned char* der = nullptr;
  std::size_t length = 0;
  if (X509_NAME_get0_der(&name, &der, &length) != 1) {
    return malformed("a name that does not decode");
  }
  const auto* const first = reinterpret_cast<const std::byte*>(der);
  return Bytes(first, first + length);
}

std::string oid_text(const ASN1_OBJECT& object) {
  std::array<char, 256> text{};
  const int length = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), &object, 1);
  return length > 0 && static_cast<std::size_t>(length) < text.size() ? text.data() : "unknown";
}

bool is_name_string(int type) {
  return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING ||
         type == V_ASN1_NUMERICSTRING || type == V_ASN1_BMPSTRING;
}

std::vector<SubjectAttribute> decode_attributes(const X509_NAME& name) {
  std::vector<SubjectAttribute> attributes;
  for (int i = 0; i < X509_NAME_entry_count(&name); ++i) {
    const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(&name, i);
    const ASN1_STRING* const value = X509_NAME_ENTRY_get_data(entry);
    SubjectAttribute attribute{oid_text(*X509_NAME_ENTRY_get_object(entry)), std::nullopt};
    unsigned char* utf8 = nullptr;
    const int length =
        is_name_string(ASN1_STRING_type(value)) ? ASN1_STRING_to_UTF8(&utf8, value) : -1;
    if (length >= 0) {
      attribute.value =
          std::string(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
      OPENSSL_free(utf8);
    }
    attributes.push_back(std::move(attribute));
  }
  ERR_clear_error();
  return attributes;
}

Result<SystemTime> decode_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return malformed("a time that does not decode");
  }
  return SystemTime(std::chrono::seconds(::timegm(&parts)));
}

Status decode_basic_constraints(X509& x509, CertificateFields& fields) {
  const auto found = MOSB_TRY(find_extension<BasicConstraintsPtr>(x509, NID_basic_constraints));
  if (!found.value) {
    return ok();
  }
  BasicConstraints constraints{found.critical, found.value->ca != 0, std::nullopt};
  if (found.value->pathlen != nullptr) {
    std::uint64_t length = 0;
    if (ASN1_INTEGER_get_uint64(&length, found.value->pathlen) != 1) {
      return malformed("path length");
    }
    constraints.path_length = length;
  }
  fields.basic_constraints = constraints;
  return ok();
}

Status decode_key_usage(X509& x509, CertificateFields& fields) {
  const auto found = MOSB_TRY(find_extension<BitStringPtr>(x509, NID_key_usage));
  if (!found.value) {
    return ok();
  }
  // Bit numbers of RFC 5280 §4.2.1.3. Bit 1, contentCommitment, is allowed beside digitalSignature.
  constexpr int kDigitalSignature = 0;
  constexpr int kCertSign = 5;
  static constexpr std::array<std::pair<int, const char*>, 7> kForbidden{
      {{2, "keyEncipherment"},
       {3, "dataEncipherment"},
       {4, "keyAgreement"},
       {kCertSign, "keyCertSign"},
       {6, "cRLSign"},
       {7, "encipherOnly"},
       {8, "decipherOnly"}}};
  const ASN1_BIT_STRING* const bits = found.value.get();
  KeyUsage usage{found.critical,
                 ASN1_BIT_STRING_get_bit(bits, kDigitalSignature) == 1,
                 ASN1_BIT_STRING_get_bit(bits, kCertSign) == 1,
                 ""};
  for (const auto& [bit, name] : kForbidden) {
    if (usage.forbidden_for_signing.empty() && ASN1_BIT_STRING_get_bit(bits, bit) == 1) {
      usage.forbidden_for_signing = name;
    }
  }
  fields.key_usage = usage;
  return ok();
}

Status decode_extended_key_usage(X509& x509, CertificateFields& fields) {
  const auto found = MOSB_TRY(find_extension<ExtendedKeyUsagePtr>(x509, NID_ext_key_usage));
  if (!found.value) {
    return ok();
  }
  fields.extended_key_usage.emplace();
  fields.extended_key_usage_critical = found.critical;
  for (int i = 0; i < sk_ASN1_OBJECT_num(found.value.get()); ++i) {
    fields.extended_key_usage->push_back(oid_text(*sk_ASN1_OBJECT_value(found.value.get(), i)));
  }
  return ok();
}

Status decode_revocation(X509& x509, CertificateFields& fields) {
  const auto access = MOSB_TRY(find_extension<InfoAccessPtr>(x509, NID_info_access));
  for (int i = 0; access.value && i < sk_ACCESS_DESCRIPTION_num(access.value.get()); ++i) {
    const ACCESS_DESCRIPTION* const description =
        sk_ACCESS_DESCRIPTION_value(access.value.get(), i);
    if (OBJ_obj2nid(description->method) == NID_ad_OCSP && description->location->type == GEN_URI) {
      const ASN1_STRING* const text = description->location->d.uniformResourceIdentifier;
      fields.ocsp_urls.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                    static_cast<std::size_t>(ASN1_STRING_length(text)));
    }
  }
  const auto points = MOSB_TRY(find_extension<CrlDistPointsPtr>(x509, NID_crl_distribution_points));
  fields.crl_urls = distribution_urls(points.value.get());
  fields.has_freshest_crl = X509_get_ext_by_NID(&x509, NID_freshest_crl, -1) >= 0;
  return ok();
}

bool has_strong_signature(X509& x509) {
  int hash = NID_undef;
  int key = NID_undef;
  std::uint32_t flags = 0;
  const bool known = X509_get_signature_info(&x509, &hash, &key, nullptr, &flags) == 1;
  ERR_clear_error();
  if (!known || (hash != NID_sha256 && hash != NID_sha384 && hash != NID_sha512)) {
    return false;
  }
  // For PSS this flag says that MGF1 uses the same hash and that the salt is as long as it.
  const bool good_pss = key == NID_rsassaPss && (flags & X509_SIG_INFO_TLS) != 0;
  return key == NID_rsaEncryption || key == NID_X9_62_id_ecPublicKey || good_pss;
}

Status decode_names(X509& x509, CertificateFields& fields) {
  const X509_NAME* const subject = X509_get_subject_name(&x509);
  const X509_NAME* const issuer = X509_get_issuer_name(&x509);
  fields.subject = print_name(*subject);
  fields.issuer = print_name(*issuer);
  fields.subject_attributes = decode_attributes(*subject);
  fields.subject_der = MOSB_TRY(name_der(*subject));
  fields.issuer_der = MOSB_TRY(name_der(*issuer));
  return ok();
}

}  // namespace

Result<CertificateFields> decode_certificate(X509& x509) {
  CertificateFields fields;
  MOSB_CHECK(decode_names(x509, fields));
  fields.not_before = MOSB_TRY(decode_time(X509_get0_notBefore(&x509)));
  fields.not_after = MOSB_TRY(decode_time(X509_get0_notAfter(&x509)));
  MOSB_CHECK(decode_basic_constraints(x509, fields));
  MOSB_CHECK(decode_key_usage(x509, fields));
  MOSB_CHECK(decode_extended_key_usage(x509, fields));
  MOSB_CHECK(decode_revocation(x509, fields));
  if (EVP_PKEY* const key = X509_get0_pubkey(&x509)) {
    fields.key = key_spec_of(*key);
  }
  fields.strong_signature = has_strong_signature(x509);
  ERR_clear_error();
  return fields;
}

}  // namespace mosb::trust
