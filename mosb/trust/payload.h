#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/trust/envelope_format.h"

namespace mosb::trust {

/// What a signature is about.
struct Payload {
  std::string media_type;
  std::string digest;
  std::uint64_t size = 0;
  /// User metadata.
  std::map<std::string, std::string> annotations;

  /// Whether it is this artifact.
  bool names(const oci::Descriptor& artifact) const;
};

/// The JSON that an envelope carries. A missing target is a value that names no artifact.
/// Spec: Notary Project "Signature specification", payload. Errors: kSignature.
Result<Payload> parse_payload(std::string_view text);
/// As notation 1.3.2 writes it: into JWS with sorted names, into COSE in its own order.
std::string print_payload(const Payload& payload, EnvelopeFormat format);

}  // namespace mosb::trust
