#include "mosb/trust/signature_envelope.h"

#include "mosb/trust/cert_chain.h"

namespace mosb::trust {

const char* signing_scheme_name(SigningScheme scheme) {
  switch (scheme) {
    case SigningScheme::kX509:
      return "notary.x509";
    case SigningScheme::kX509SigningAuthority:
      return "notary.x509.signingAuthority";
  }
  return "notary.x509";
}

std::optional<SigningScheme> parse_signing_scheme(std::string_view name) {
  for (const SigningScheme scheme : {SigningScheme::kX509, SigningScheme::kX509SigningAuthority}) {
    if (name == signing_scheme_name(scheme)) {
      return scheme;
    }
  }
  return std::nullopt;
}

const char* signing_time_of(SigningScheme scheme) {
  return scheme == SigningScheme::kX509SigningAuthority ? kAuthenticSigningTime : kSigningTime;
}

const char* other_signing_time(SigningScheme scheme) {
  return scheme == SigningScheme::kX509SigningAuthority ? kSigningTime : kAuthenticSigningTime;
}

std::set<std::string> must_be_critical(const SignedAttributes& attributes) {
  std::set<std::string> names{kSigningScheme};
  if (attributes.scheme == SigningScheme::kX509SigningAuthority) {
    names.insert(kAuthenticSigningTime);
  }
  if (attributes.expiry) {
    names.insert(kExpiry);
  }
  if (attributes.verification_plugin) {
    names.insert(kVerificationPlugin);
  }
  if (attributes.verification_plugin_min_version) {
    names.insert(kVerificationPluginMinVersion);
  }
  return names;
}

Status check_attributes(const SignedAttributes& attributes) {
  if (attributes.verification_plugin_min_version && !attributes.verification_plugin) {
    return Error(Errc::kSignature,
                 "a minimum version is given for a verification plugin that is not named");
  }
  if (attributes.expiry && *attributes.expiry <= attributes.signing_time) {
    return Error(Errc::kSignature, "the expiry is not after the signing time");
  }
  return ok();
}

Status check_integrity(const SignatureEnvelope& envelope) {
  if (envelope.chain.empty()) {
    return Error(Errc::kSignature, "there is no certificate chain");
  }
  const Certificate& leaf = envelope.chain.front();
  const auto algorithm = algorithm_for(leaf.fields().key);
  if (!algorithm) {
    return Error(Errc::kSignature, "the signing certificate's key is not of a supported kind");
  }
  if (*algorithm != envelope.algorithm) {
    return Error(Errc::kSignature,
                 std::string("the signature says ") + jws_name(envelope.algorithm) +
                     ", but the signing certificate's key is for " + jws_name(*algorithm));
  }
  MOSB_CHECK(leaf.check_signature(*algorithm, as_bytes(envelope.signed_bytes), envelope.signature));
  return check_code_signing_chain(envelope.chain);
}

}  // namespace mosb::trust
