#pragma once

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/signature_envelope.h"
#include "mosb/trust/trust_anchors.h"
#include "mosb/trust/trust_policy.h"

namespace mosb::trust {

/// Whether the signature must have a timestamp that counts: the scheme is notary.x509, the
/// statement lists a tsa trust store, and asks for timestamps always or a certificate of the chain
/// expired.
bool timestamp_applies(const SignatureEnvelope& envelope,
                       const TrustPolicyStatement& statement,
                       SystemTime now);

/// Whether the envelope's timestamp is by an authority of the statement's tsa trust stores and
/// shows that the signature was made while its certificates were valid. Spec: Notary Project
/// "Signature verification", timestamps; RFC 3161. Errors: kSignature; kPolicy for a trust store
/// that cannot be read.
Status check_timestamp(const SignatureEnvelope& envelope,
                       TrustAnchors& anchors,
                       const RevocationQuestion& revocation);

}  // namespace mosb::trust
