#include "mosb/trust/cert_chain.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

constexpr std::string_view kTimeStampingUse = "1.3.6.1.5.5.7.3.8";
constexpr std::string_view kAnyUse = "2.5.29.37.0";

/// What a signing certificate must not be for, besides signing code.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kForbiddenUses{{
    {"1.3.6.1.5.5.7.3.1", "serverAuth"},
    {"1.3.6.1.5.5.7.3.2", "clientAuth"},
    {"1.3.6.1.5.5.7.3.4", "emailProtection"},
    {kTimeStampingUse, "timeStamping"},
    {"1.3.6.1.5.5.7.3.9", "OCSPSigning"},
    {kAnyUse, "anyExtendedKeyUsage"},
}};

Error refuse(const Certificate& certificate, const std::string& why) {
  return Error(Errc::kSignature, "certificate " + quote(certificate.fields().subject) + " " + why);
}

/// What a chain is for decides what its certificates must and must not say.
enum class ChainUse { kCodeSigning, kTimestamping };

Status check_key_usage_present(const Certificate& certificate, ChainUse use) {
  const auto& usage = certificate.fields().key_usage;
  if (!usage) {
    return refuse(certificate, "has no key usage extension");
  }
  if (!usage->critical && use == ChainUse::kCodeSigning) {
    return refuse(certificate, "has a key usage extension that is not critical");
  }
  return ok();
}

Status check_code_signing_use(const Certificate& leaf) {
  const auto& uses = leaf.fields().extended_key_usage;
  for (const auto& [oid, name] : kForbiddenUses) {
    if (uses && std::find(uses->begin(), uses->end(), oid) != uses->end()) {
      return refuse(leaf,
                    "has the extended key usage " + std::string(name) +
                        ", which a signing certificate must not have");
    }
  }
  return ok();
}

Status check_timestamping_use(const Certificate& leaf) {
  const CertificateFields& fields = leaf.fields();
  if (!fields.extended_key_usage_critical || fields.extended_key_usage->size() != 1 ||
      fields.extended_key_usage->front() != kTimeStampingUse) {
    return refuse(leaf, "lacks timeStamping as its only extended key usage, marked critical");
  }
  return ok();
}

Status check_leaf(const Certificate& leaf, ChainUse use) {
  const CertificateFields& fields = leaf.fields();
  if (fields.basic_constraints && fields.basic_constraints->ca) {
    return refuse(leaf, "is a certificate authority and cannot be the signing certificate");
  }
  MOSB_CHECK(check_key_usage_present(leaf, use));
  if (!fields.key_usage->digital_signature) {
    return refuse(leaf, "lacks the key usage digitalSignature");
  }
  if (!fields.key_usage->forbidden_for_signing.empty()) {
    return refuse(leaf,
                  "has the key usage " + fields.key_usage->forbidden_for_signing +
                      ", which a signing certificate must not have");
  }
  MOSB_CHECK(use == ChainUse::kTimestamping ? check_timestamping_use(leaf)
                                            : check_code_signing_use(leaf));
  if (!algorithm_for(fields.key)) {
    return refuse(leaf,
                  "has a key that is not supported (RSA 2048, 3072 or 4096 or NIST P-256, P-384 or "
                  "P-521 is required)");
  }
  return ok();
}

bool is_strong_ca_key(const KeySpec& key) {
  constexpr unsigned kLeastRsa = 2048;
  return key.type == KeySpec::Type::kEc ||
         (key.type == KeySpec::Type::kRsa && key.bits >= kLeastRsa);
}

/// `below`: how many CA certificates stand between this one and the leaf.
Status check_ca(const Certificate& ca, std::size_t below, ChainUse use) {
  const auto& constraints = ca.fields().basic_constraints;
  if (!constraints || !constraints->ca) {
    return refuse(ca, "is not a certificate authority");
  }
  if (!constraints->critical) {
    return refuse(ca, "has basic constraints that are not critical");
  }
  if (constraints->path_length && *constraints->path_length < below) {
    return refuse(ca, "stands above more certificate authorities than its path length allows");
  }
  MOSB_CHECK(check_key_usage_present(ca, use));
  if (!ca.fields().key_usage->cert_sign) {
    return refuse(ca, "lacks the key usage keyCertSign");
  }
  if (!is_strong_ca_key(ca.fields().key)) {
    return refuse(ca, "has a key that is too weak or of a kind that is not supported");
  }
  return ok();
}

Status check_link(const Certificate& certificate, const Certificate& issuer) {
  if (certificate.fields().issuer_der != issuer.fields().subject_der) {
    return refuse(certificate, "is not issued by " + quote(issuer.fields().subject));
  }
  return certificate.check_signed_by(issuer);
}

Status check_single(const Certificate& certificate) {
  if (!certificate.is_self_issued()) {
    return refuse(certificate, "stands alone in its chain, but is not self-signed");
  }
  MOSB_CHECK(check_leaf(certificate, ChainUse::kCodeSigning));
  return certificate.check_signed_by(certificate);
}

Status check_root(const Certificate& root) {
  if (!root.is_self_issued()) {
    return refuse(root, "ends the chain, but is not a self-signed root");
  }
  return root.check_signed_by(root);
}

Status check_length(const std::vector<Certificate>& chain) {
  if (chain.empty()) {
    return Error(Errc::kSignature, "there is no certificate chain");
  }
  if (chain.size() > kMaxChainLength) {
    return Error(Errc::kSignature,
                 "the certificate chain is longer than " + std::to_string(kMaxChainLength));
  }
  return ok();
}

/// A chain of two certificates or more.
Status check_chain(const std::vector<Certificate>& chain, ChainUse use) {
  MOSB_CHECK(check_root(chain.back()));
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    if (is_self_signed(chain[i])) {
      return refuse(chain[i], "is self-signed, but does not stand at the end of the chain");
    }
    MOSB_CHECK(check_link(chain[i], chain[i + 1]));
  }
  MOSB_CHECK(check_leaf(chain.front(), use));
  for (std::size_t i = 1; i < chain.size(); ++i) {
    MOSB_CHECK(check_ca(chain[i], i - 1, use));
  }
  return ok();
}

/// The attributes that Go's pkix.Name knows by name; notation can match no others.
struct KnownAttribute {
  std::string_view oid;
  const char* name;
  /// A repeated one is taken from its last place instead of being refused.
  bool last_counts;
};
constexpr std::array<KnownAttribute, 9> kKnownAttributes{{
    {"2.5.4.6", "C", false},
    {"2.5.4.10", "O", false},
    {"2.5.4.11", "OU", false},
    {"2.5.4.7", "L", false},
    {"2.5.4.8", "ST", false},
    {"2.5.4.9", "STREET", false},
    {"2.5.4.17", "POSTALCODE", false},
    {"2.5.4.3", "CN", true},
    {"2.5.4.5", "SERIALNUMBER", true},
}};

}  // namespace

Status check_code_signing_chain(const std::vector<Certificate>& chain) {
  MOSB_CHECK(check_length(chain));
  if (chain.size() == 1) {
    return check_single(chain.front());
  }
  return check_chain(chain, ChainUse::kCodeSigning);
}

Status check_timestamping_chain(const std::vector<Certificate>& chain) {
  MOSB_CHECK(check_length(chain));
  if (chain.size() == 1) {
    return refuse(chain.front(), "stands alone in the path of a timestamp");
  }
  MOSB_CHECK(check_chain(chain, ChainUse::kTimestamping));
  // RFC 5280 leaves open whether the uses of a CA narrow those below it; notation takes it so.
  for (const Certificate& certificate : chain) {
    const auto& uses = certificate.fields().extended_key_usage;
    if (uses && std::none_of(uses->begin(), uses->end(), [](const std::string& oid) {
          return oid == kTimeStampingUse || oid == kAnyUse;
        })) {
      return refuse(certificate, "is for other uses than timestamping");
    }
  }
  return ok();
}

Status check_validity(const std::vector<Certificate>& chain, SystemTime time) {
  for (const Certificate& certificate : chain) {
    const CertificateFields& fields = certificate.fields();
    if (time < fields.not_before) {
      return refuse(certificate,
                    "is not valid before " + to_rfc3339(fields.not_before) + " (the time is " +
                        to_rfc3339(time) + ")");
    }
    if (time > fields.not_after) {
      return refuse(
          certificate,
          "expired at " + to_rfc3339(fields.not_after) + " (the time is " + to_rfc3339(time) + ")");
    }
  }
  return ok();
}

bool is_self_signed(const Certificate& certificate) {
  return certificate.is_self_issued() && certificate.check_signed_by(certificate).has_value();
}

Result<DistinguishedName> subject_name(const Certificate& certificate) {
  const auto unusable = [&](const std::string& why) {
    return Error(Errc::kPolicy,
                 "the signing certificate's subject " + quote(certificate.fields().subject) + " " +
                     why)
        .with_hint("only the trusted identity '*' accepts such a subject");
  };
  std::map<std::string, std::string> attributes;
  for (const SubjectAttribute& attribute : certificate.fields().subject_attributes) {
    const auto* const known =
        std::find_if(kKnownAttributes.begin(), kKnownAttributes.end(), [&](const auto& row) {
          return row.oid == attribute.oid;
        });
    if (known == kKnownAttributes.end() || !attribute.value ||
        attribute.value->find("=#") != std::string::npos) {
      return unusable("has an attribute that identities cannot name (" + attribute.oid + ")");
    }
    if (!attributes.insert_or_assign(known->name, *attribute.value).second && !known->last_counts) {
      return unusable(std::string("has more than one attribute ") + known->name);
    }
  }
  auto name = DistinguishedName::from_attributes(std::move(attributes));
  if (!name) {
    return unusable("cannot be compared: " + name.error().message());
  }
  return name;
}

}  // namespace mosb::trust
