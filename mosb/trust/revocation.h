#pragma once

#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// Whether no certificate of a chain, leaf first, is revoked. Whom nobody can ask about, passes;
/// the root is trusted by being in a store, and nobody above it could revoke it. Errors:
/// kSignature, also for every certificate that names an OCSP responder or CRL: asking them is not
/// supported.
Status check_revocation(const std::vector<Certificate>& chain);

}  // namespace mosb::trust
