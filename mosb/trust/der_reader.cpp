#include "mosb/trust/der_reader.h"

#include <cstdint>

namespace mosb::trust {

namespace {

constexpr unsigned kLongTag = 0x1f;
constexpr unsigned kLongLength = 0x80;

Error not_der() {
  return Error(Errc::kSignature, "it is not in DER");
}

}  // namespace

Result<DerElement> DerReader::next() {
  if (rest_.size() < 2) {
    return not_der();
  }
  const auto tag = std::to_integer<unsigned>(rest_[0]);
  std::uint64_t length = std::to_integer<unsigned>(rest_[1]);
  std::size_t header = 2;
  if ((tag & kLongTag) == kLongTag) {
    return not_der();
  }
  if (length >= kLongLength) {
    const std::size_t octets = length - kLongLength;
    // No octets would be BER's indefinite length.
    if (octets == 0 || octets > sizeof(std::uint32_t) || rest_.size() < header + octets) {
      return not_der();
    }
    length = 0;
    for (; header < 2 + octets; ++header) {
      length = (length << 8U) | std::to_integer<unsigned>(rest_[header]);
    }
    const bool shortest = length >= kLongLength && (length >> (8 * (octets - 1))) != 0;
    if (!shortest) {
      return not_der();
    }
  }
  if (length > rest_.size() - header) {
    return not_der();
  }
  const ByteView whole = rest_.first(header + static_cast<std::size_t>(length));
  rest_ = rest_.subspan(whole.size());
  return DerElement{tag, whole.subspan(header), whole};
}

Result<DerElement> DerReader::next(unsigned tag) {
  if (!next_is(tag)) {
    return not_der();
  }
  return next();
}

bool DerReader::next_is(unsigned tag) const {
  return !rest_.empty() && std::to_integer<unsigned>(rest_.front()) == tag;
}

}  // namespace mosb::trust
