#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"

namespace mosb::trust {

struct CborValue;
struct CborEntry;

/// A map's key. Other kinds of keys are refused.
using CborLabel = std::variant<std::int64_t, std::string>;
using CborArray = std::vector<CborValue>;
/// In the order in which they came, no label twice.
using CborMap = std::vector<CborEntry>;

/// `item` has one element: what is tagged.
struct CborTagged {
  std::uint64_t tag = 0;
  CborArray item;
};

/// A value that no envelope needs: null, undefined, a truth value or a floating-point number.
struct CborOther {};

/// One CBOR data item. Spec: RFC 8949.
struct CborValue {
  std::variant<CborOther, std::int64_t, Bytes, std::string, CborArray, CborMap, CborTagged> value;

  /// nullptr if it is of another kind.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
};

struct CborEntry {
  CborLabel label;
  CborValue value;
};

/// A real envelope has some thirty items in four levels.
constexpr std::size_t kMaxCborItems = 4096;
constexpr unsigned kMaxCborDepth = 32;

enum class CborTags { kRefused, kAllowed };

/// One data item and nothing after it, of at most `limit` bytes. Only definite lengths, integers of
/// 64 bits with a sign, texts in UTF-8, and maps whose keys are integers or texts and differ.
/// Numbers may be written longer than they must be. Errors: kContent.
Result<CborValue> parse_cbor(ByteView bytes, ByteCount limit, CborTags tags);

/// nullptr if the map has no such label.
const CborValue* find_label(const CborMap& map, const CborLabel& label);
/// "33" or the text, as it came.
std::string label_name(const CborLabel& label);

}  // namespace mosb::trust
