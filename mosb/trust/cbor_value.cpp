#include "mosb/trust/cbor_value.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <cbor.h>

#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

// libcbor hands lengths of 64 bits on as size_t.
static_assert(sizeof(std::size_t) == sizeof(std::uint64_t));

Error refuse(const std::string& why) {
  return Error(Errc::kContent, why);
}

/// The start of a data item, and the whole of a string.
struct Head {
  enum class Kind {
    kIndefinite,
    kUnsigned,
    kNegative,
    kBytes,
    kText,
    kArray,
    kMap,
    kTag,
    kOther,
  };
  /// Stays as it is where libcbor reports the start or the end of an indefinite length.
  Kind kind = Kind::kIndefinite;
  /// The number, what is subtracted from -1, the number of items or pairs, or the tag.
  std::uint64_t number = 0;
  /// Points into what is parsed.
  ByteView string;
};

template <Head::Kind Kind, class Number>
void take_number(void* context, Number number) {
  *static_cast<Head*>(context) = {Kind, number, {}};
}

template <Head::Kind Kind>
void take_string(void* context, cbor_data data, std::size_t size) {
  *static_cast<Head*>(context) = {Kind, size, {reinterpret_cast<const std::byte*>(data), size}};
}

void take_other(void* context) {
  static_cast<Head*>(context)->kind = Head::Kind::kOther;
}

template <class T>
void take_other_value(void* context, T /*value*/) {
  take_other(context);
}

/// The tags 0 to 23 in a single byte. libcbor 0.8 takes the tags 6 to 20 only in longer forms, and
/// 18 is that of COSE_Sign1.
bool is_short_tag(std::byte first) {
  return first >= std::byte{0xc0} && first <= std::byte{0xd7};
}

cbor_callbacks head_callbacks() {
  using Kind = Head::Kind;
  cbor_callbacks calls = cbor_empty_callbacks;
  calls.uint8 = take_number<Kind::kUnsigned, std::uint8_t>;
  calls.uint16 = take_number<Kind::kUnsigned, std::uint16_t>;
  calls.uint32 = take_number<Kind::kUnsigned, std::uint32_t>;
  calls.uint64 = take_number<Kind::kUnsigned, std::uint64_t>;
  calls.negint8 = take_number<Kind::kNegative, std::uint8_t>;
  calls.negint16 = take_number<Kind::kNegative, std::uint16_t>;
  calls.negint32 = take_number<Kind::kNegative, std::uint32_t>;
  calls.negint64 = take_number<Kind::kNegative, std::uint64_t>;
  calls.byte_string = take_string<Kind::kBytes>;
  calls.string = take_string<Kind::kText>;
  calls.array_start = take_number<Kind::kArray, std::size_t>;
  calls.map_start = take_number<Kind::kMap, std::size_t>;
  calls.tag = take_number<Kind::kTag, std::uint64_t>;
  calls.float2 = take_other_value<float>;
  calls.float4 = take_other_value<float>;
  calls.float8 = take_other_value<double>;
  calls.boolean = take_other_value<bool>;
  calls.null = take_other;
  calls.undefined = take_other;
  return calls;
}

/// Builds the tree from libcbor's streaming decoder, which looks at one head at a time and
/// allocates nothing: libcbor's own tree reserves what an array claims to hold, before it has seen
/// any of it, and takes indefinite lengths and repeated keys.
class Parser {
 public:
  Parser(ByteView bytes, CborTags tags) : rest_(bytes), tags_(tags) {}

  Result<CborValue> parse() {
    CborValue value = MOSB_TRY(item(1));
    if (!rest_.empty()) {
      return refuse("there are " + std::to_string(rest_.size()) + " bytes after it");
    }
    return value;
  }

 private:
  Result<Head> next_head() {
    static const cbor_callbacks callbacks = head_callbacks();
    if (++items_ > kMaxCborItems) {
      return refuse("it has more than " + std::to_string(kMaxCborItems) + " items");
    }
    if (!rest_.empty() && is_short_tag(rest_.front())) {
      const Head head{Head::Kind::kTag, std::to_integer<std::uint64_t>(rest_.front()) & 0x1fU, {}};
      rest_ = rest_.subspan(1);
      return head;
    }
    Head head;
    const cbor_decoder_result result = cbor_stream_decode(
        reinterpret_cast<const unsigned char*>(rest_.data()), rest_.size(), &callbacks, &head);
    if (result.status == CBOR_DECODER_NEDATA) {
      return refuse("it is cut off");
    }
    if (result.status != CBOR_DECODER_FINISHED) {
      return refuse("malformed CBOR");
    }
    if (head.kind == Head::Kind::kIndefinite) {
      return refuse("indefinite lengths are not accepted");
    }
    rest_ = rest_.subspan(result.read);
    return head;
  }

  /// Refuses a number of items that the rest cannot hold, before anything is made of it.
  Status check_count(std::uint64_t count, std::uint64_t items_each) const {
    // Each item takes a byte at least.
    if (count > rest_.size() / items_each || count > (kMaxCborItems - items_) / items_each) {
      return refuse("an array or map claims " + std::to_string(count) + " entries");
    }
    return ok();
  }

  static Result<std::int64_t> integer(const Head& head) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (head.number > kMost) {
      return refuse("an integer has more than 64 bits with its sign");
    }
    const auto number = static_cast<std::int64_t>(head.number);
    return head.kind == Head::Kind::kNegative ? -1 - number : number;
  }

  static Result<std::string> text(const Head& head) {
    std::string text(reinterpret_cast<const char*>(head.string.data()), head.string.size());
    if (!is_utf8(text)) {
      return refuse("a text is not UTF-8");
    }
    return text;
  }

  Result<CborLabel> label() {
    const Head head = MOSB_TRY(next_head());
    switch (head.kind) {
      case Head::Kind::kUnsigned:
      case Head::Kind::kNegative:
        return CborLabel(MOSB_TRY(integer(head)));
      case Head::Kind::kText:
        return CborLabel(MOSB_TRY(text(head)));
      case Head::Kind::kIndefinite:
      case Head::Kind::kBytes:
      case Head::Kind::kArray:
      case Head::Kind::kMap:
      case Head::Kind::kTag:
      case Head::Kind::kOther:
        break;
    }
    return refuse("a map has a key that is neither an integer nor a text");
  }

  Result<CborArray> array(std::uint64_t count, unsigned depth) {
    MOSB_CHECK(check_count(count, 1));
    CborArray items;
    for (std::uint64_t i = 0; i < count; ++i) {
      items.push_back(MOSB_TRY(item(depth + 1)));
    }
    return items;
  }

  Result<CborMap> map(std::uint64_t count, unsigned depth) {
    MOSB_CHECK(check_count(count, 2));
    CborMap entries;
    std::set<CborLabel> labels;
    for (std::uint64_t i = 0; i < count; ++i) {
      CborLabel key = MOSB_TRY(label());
      if (!labels.insert(key).second) {
        return refuse("the key " + quote(label_name(key)) + " stands twice in a map");
      }
      // Not inside the braces: clang would leak the key where MOSB_TRY returns.
      CborValue value = MOSB_TRY(item(depth + 1));
      entries.push_back(CborEntry{std::move(key), std::move(value)});
    }
    return entries;
  }

  Result<CborTagged> tagged(std::uint64_t tag, unsigned depth) {
    if (tags_ == CborTags::kRefused) {
      return refuse("the tag " + std::to_string(tag) + " is not allowed there");
    }
    CborTagged tagged{tag, {}};
    tagged.item.push_back(MOSB_TRY(item(depth + 1)));
    return tagged;
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxCborDepth
  Result<CborValue> item(unsigned depth) {
    if (depth > kMaxCborDepth) {
      return refuse("it is nested deeper than " + std::to_string(kMaxCborDepth) + " levels");
    }
    const Head head = MOSB_TRY(next_head());
    switch (head.kind) {
      case Head::Kind::kUnsigned:
      case Head::Kind::kNegative:
        return CborValue{MOSB_TRY(integer(head))};
      case Head::Kind::kBytes:
        return CborValue{Bytes(head.string.begin(), head.string.end())};
      case Head::Kind::kText:
        return CborValue{MOSB_TRY(text(head))};
      case Head::Kind::kArray:
        return CborValue{MOSB_TRY(array(head.number, depth))};
      case Head::Kind::kMap:
        return CborValue{MOSB_TRY(map(head.number, depth))};
      case Head::Kind::kTag:
        return CborValue{MOSB_TRY(tagged(head.number, depth))};
      case Head::Kind::kOther:
      case Head::Kind::kIndefinite:
        break;
    }
    return CborValue{CborOther{}};
  }

  ByteView rest_;
  CborTags tags_;
  std::size_t items_ = 0;
};

}  // namespace

Result<CborValue> parse_cbor(ByteView bytes, ByteCount limit, CborTags tags) {
  if (bytes.size() > limit.value) {
    return refuse("it has more than " + std::to_string(limit.value) + " bytes");
  }
  return Parser(bytes, tags).parse();
}

const CborValue* find_label(const CborMap& map, const CborLabel& label) {
  const auto found = std::find_if(
      map.begin(), map.end(), [&](const CborEntry& entry) { return entry.label == label; });
  return found == map.end() ? nullptr : &found->value;
}

std::string label_name(const CborLabel& label) {
  const auto* const number = std::get_if<std::int64_t>(&label);
  return number != nullptr ? std::to_string(*number) : std::get<std::string>(label);
}

}  // namespace mosb::trust
