#pragma once

#include <optional>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/sha2.h"

namespace mosb::trust {

/// What a timestamping authority says: something with this hash existed at that time.
/// Spec: RFC 3161 §2.4.2, TSTInfo.
struct TimestampInfo {
  Sha2 imprint_hash = Sha2::k256;
  Bytes imprint;
  /// genTime, fractions cut off.
  SystemTime time;
  /// genTime less and plus its accuracy, in whole seconds outwards: certificates' bounds are whole
  /// seconds, so that comparing them with these is exact.
  SystemTime earliest;
  SystemTime latest;
  /// The nonce's magnitude, big-endian; nullopt if there is none.
  std::optional<Bytes> nonce;

  /// One TSTInfo of version 1 in DER and nothing after it; hash SHA-256, SHA-384 or SHA-512, time
  /// in UTC. Errors: kSignature.
  static Result<TimestampInfo> parse(ByteView der);
  /// Whether the imprint is the message's. It need not be by the hash that the message, a
  /// signature, was made with. Errors: kSignature.
  Status check_imprint(ByteView message) const;
  /// Whether every certificate was valid all the time between `earliest` and `latest`.
  /// Errors: kSignature.
  Status check_within_validity(const std::vector<Certificate>& chain) const;
};

}  // namespace mosb::trust
