#include "mosb/trust/cbor_writer.h"

#include <array>

#include <cbor.h>

namespace mosb::trust {

namespace {

/// A byte, and at most eight of a number.
constexpr std::size_t kMaxHead = 9;

template <class Encode, class Number>
void append_head(std::string& out, Encode encode, Number number) {
  std::array<unsigned char, kMaxHead> head{};
  const std::size_t size = encode(number, head.data(), head.size());
  out.append(reinterpret_cast<const char*>(head.data()), size);
}

}  // namespace

CborWriter& CborWriter::integer(std::int64_t number) {
  if (number >= 0) {
    append_head(out_, cbor_encode_uint, static_cast<std::uint64_t>(number));
  } else {
    append_head(out_, cbor_encode_negint, static_cast<std::uint64_t>(-1 - number));
  }
  return *this;
}

CborWriter& CborWriter::bytes(ByteView bytes) {
  append_head(out_, cbor_encode_bytestring_start, bytes.size());
  out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return *this;
}

CborWriter& CborWriter::text(std::string_view text) {
  append_head(out_, cbor_encode_string_start, text.size());
  out_.append(text);
  return *this;
}

CborWriter& CborWriter::array(std::size_t items) {
  append_head(out_, cbor_encode_array_start, items);
  return *this;
}

CborWriter& CborWriter::map(std::size_t pairs) {
  append_head(out_, cbor_encode_map_start, pairs);
  return *this;
}

CborWriter& CborWriter::tag(std::uint64_t tag) {
  append_head(out_, cbor_encode_tag, tag);
  return *this;
}

}  // namespace mosb::trust
