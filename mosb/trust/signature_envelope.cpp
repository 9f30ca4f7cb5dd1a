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
