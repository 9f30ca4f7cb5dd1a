#pragma once

#include <memory>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/timestamp_info.h"

namespace mosb::trust {

/// A real one with its certificates has some five kilobytes.
constexpr ByteCount kMaxTimestampToken{256 * kKiB};

/// An RFC 3161 TimeStampToken: a CMS SignedData around a TSTInfo. Copies share the parsed object.
class TimestampToken {
 public:
  /// BER is read too, as CMS permits. Says nothing about who signed it. Errors: kSignature.
  static Result<TimestampToken> parse(ByteView bytes);

  const TimestampInfo& info() const;
  /// The path of the authority that signed the token, leaf first and one of `roots` last: the
  /// token names the signer's certificate by the attribute signing-certificate-v2, holds it, and
  /// the path is a valid one for timestamping at the token's time. Several signers are tried in
  /// order. Spec: RFC 3161 §2.3, RFC 5816; the same things count as for notation 1.3.2. Errors:
  /// kSignature.
  Result<std::vector<Certificate>> signer_path(const std::vector<Certificate>& roots) const;

 private:
  struct Parsed;
  explicit TimestampToken(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}

  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace mosb::trust
