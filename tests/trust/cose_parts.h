#pragma once

#include <string>
#include <string_view>

#include "mosb/trust/cbor_value.h"

namespace mosb::test {

/// A COSE_Sign1 as its parts, to be changed and put together again. Nothing is signed anew.
struct CoseParts {
  trust::CborMap protected_header;
  trust::CborMap unprotected;
  std::string payload;
  std::string signature;

  /// Of a case of tests/data/notation.
  static CoseParts of_case(const std::string& name);

  std::string print() const;
  /// The same with other bytes as the protected header.
  std::string print_with(std::string_view protected_header) const;
};

/// What has no encoding in CborWriter ends the test.
std::string print_cbor(const trust::CborValue& value);

void set_label(trust::CborMap& map, const trust::CborLabel& label, trust::CborValue value);
void erase_label(trust::CborMap& map, const trust::CborLabel& label);

/// The bytes that these hexadecimal digits write; spaces are left out.
std::string from_hex(std::string_view digits);

}  // namespace mosb::test
