#pragma once

#include <string_view>

#include "mosb/base/result.h"
#include "mosb/trust/envelope_format.h"
#include "mosb/trust/report.h"
#include "mosb/trust/signature_envelope.h"
#include "mosb/trust/signature_manifest.h"

namespace mosb::trust {

/// Errors: kSignature.
Result<SignatureEnvelope> parse_envelope(EnvelopeFormat format, std::string_view bytes);

/// Takes an envelope apart by its media type. Errors: kSignature, also for formats that are not
/// supported.
Result<SignatureEnvelope> open_envelope(const AttachedSignature& signature);

/// Fills in what the envelope says of itself.
void describe_envelope(const SignatureEnvelope& envelope, SignatureReport& report);

}  // namespace mosb::trust
