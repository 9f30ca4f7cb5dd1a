#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// As for notation.
constexpr ByteCount kMaxCrl{32 * kMiB};

/// What a list says of one certificate.
struct CrlEntry {
  enum class Kind { kRevoked, kOnHold, kRemoved };
  Kind kind = Kind::kRevoked;
  SystemTime revoked_at;
  /// Since when the certificate must not be believed, if the list says so.
  std::optional<SystemTime> invalid_since;
};

/// A certificate revocation list. Copies share the parsed object. Spec: RFC 5280 §5.
class Crl {
 public:
  /// One list in DER and nothing after it. Errors: kSignature.
  static Result<Crl> parse(ByteView der);

  const Bytes& der() const;
  /// Whether the list is its issuer's, has not been followed by another one yet, and speaks of all
  /// reasons for that kind of certificate. Indirect lists and unknown critical extensions are
  /// refused. Errors: kSignature.
  Status check(const Certificate& issuer, const Certificate& about, SystemTime now) const;
  /// Whether it is a complete list, not a change of one. Errors: kSignature.
  Status check_base() const;
  /// Whether it is a change of `base` that came after it. RFC 5280 §5.2.4. Errors: kSignature.
  Status check_delta_of(const Crl& base) const;
  bool is_current(SystemTime now) const;
  /// nullopt: there are no deltas to this list. Spec: RFC 5280 §5.2.6.
  const std::optional<std::vector<std::string>>& delta_urls() const;
  /// Every entry with that certificate's serial number. Errors: kSignature for one with an unknown
  /// critical extension.
  Result<std::vector<CrlEntry>> entries_of(const Certificate& certificate) const;

 private:
  struct Parsed;
  explicit Crl(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}

  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace mosb::trust
