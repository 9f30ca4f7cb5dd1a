#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mosb/trust/bytes.h"

namespace mosb::trust {

/// Writes CBOR item after item, each in its shortest form and with a definite length. What an array
/// or map announces must follow. Spec: RFC 8949 §4.2.1.
class CborWriter {
 public:
  CborWriter& integer(std::int64_t number);
  CborWriter& bytes(ByteView bytes);
  CborWriter& text(std::string_view text);
  CborWriter& array(std::size_t items);
  CborWriter& map(std::size_t pairs);
  CborWriter& tag(std::uint64_t tag);

  const std::string& str() const { return out_; }

 private:
  std::string out_;
};

}  // namespace mosb::trust
