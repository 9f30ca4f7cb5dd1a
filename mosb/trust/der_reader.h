#pragma once

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"

namespace mosb::trust {

/// One element of DER: its tag octet, its content and the whole of it, out of the reader's bytes.
struct DerElement {
  unsigned tag = 0;
  ByteView content;
  ByteView whole;
};

inline constexpr unsigned kDerInteger = 0x02;
inline constexpr unsigned kDerOctetString = 0x04;
inline constexpr unsigned kDerUtf8String = 0x0c;
inline constexpr unsigned kDerSequence = 0x30;
/// Context-specific and constructed, number 4.
inline constexpr unsigned kDerContext4 = 0xa4;

/// Reads the elements of DER bytes one after the other. Only tags of one octet and lengths below
/// 4 GiB. Spec: X.690 §8.1, §10.1.
class DerReader {
 public:
  explicit DerReader(ByteView bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  /// Errors: kSignature at the end and for what is not DER.
  Result<DerElement> next();
  /// The next element, which must have that tag. Errors: kSignature.
  Result<DerElement> next(unsigned tag);
  /// Whether the next element has that tag.
  bool next_is(unsigned tag) const;

 private:
  ByteView rest_;
};

}  // namespace mosb::trust
