#pragma once

#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/distinguished_name.h"

namespace mosb::trust {

/// A longer chain is refused before anything of it is verified.
constexpr std::size_t kMaxChainLength = 16;

/// Whether the certificates, leaf first, are exactly one chain up to a self-signed root, and each
/// of them is fit for its place: Notary Project "Certificate requirements". A single certificate
/// must be self-signed and no CA. Validity periods are not looked at. Errors: kSignature.
Status check_code_signing_chain(const std::vector<Certificate>& chain);

/// The same for a timestamping authority's path, leaf first: the leaf is for timestamping and
/// nothing else, and key usage need not be critical. Spec: Notary Project "Certificate
/// requirements", timestamping; RFC 3161 §2.3. Errors: kSignature.
Status check_timestamping_chain(const std::vector<Certificate>& chain);

/// Whether every certificate is valid at that time, bounds included. Errors: kSignature.
Status check_validity(const std::vector<Certificate>& chain, SystemTime time);

/// Whether a certificate is self-issued and its signature is by its own key.
bool is_self_signed(const Certificate& certificate);

/// A certificate's subject as trusted identities are compared with it. Errors: kPolicy for a
/// subject that no identity but "*" can match.
Result<DistinguishedName> subject_name(const Certificate& certificate);

}  // namespace mosb::trust
