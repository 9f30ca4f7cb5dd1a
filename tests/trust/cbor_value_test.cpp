#include "mosb/trust/cbor_value.h"

#include <limits>

#include <catch2/catch.hpp>

#include "mosb/trust/cbor_writer.h"
#include "tests/trust/cose_parts.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::from_hex;
using test::must;

constexpr ByteCount kMost{1024};

Result<CborValue> parse(const std::string& hex, CborTags tags = CborTags::kAllowed) {
  return parse_cbor(as_bytes(from_hex(hex)), kMost, tags);
}

/// Why it is refused; "" if it is not.
std::string refusal(const std::string& hex, CborTags tags = CborTags::kAllowed) {
  const auto value = parse(hex, tags);
  if (value) {
    return "";
  }
  CHECK(value.error().code() == Errc::kContent);
  return value.error().message();
}

std::int64_t integer(const std::string& hex) {
  return std::get<std::int64_t>(must(parse(hex)).value);
}

TEST_CASE("integers are read in every width that can hold them", "[trust]") {
  CHECK(integer("00") == 0);
  CHECK(integer("17") == 23);
  CHECK(integer("1801") == 1);
  CHECK(integer("190001") == 1);
  CHECK(integer("1a00000001") == 1);
  CHECK(integer("1b0000000000000001") == 1);
  CHECK(integer("1b7fffffffffffffff") == std::numeric_limits<std::int64_t>::max());
  CHECK(integer("20") == -1);
  CHECK(integer("3824") == -37);
  CHECK(integer("390024") == -37);
  CHECK(integer("3a00000024") == -37);
  CHECK(integer("3b0000000000000024") == -37);
  CHECK(integer("3b7fffffffffffffff") == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("strings, arrays, maps and tags are read as what they are", "[trust]") {
  CHECK(std::get<std::string>(must(parse("62c3bc")).value) == "ü");
  CHECK(std::get<Bytes>(must(parse("42c328")).value).size() == 2);
  CHECK(std::get<Bytes>(must(parse("5900020102")).value).size() == 2);
  CHECK(std::get<CborArray>(must(parse("83010203")).value).size() == 3);
  CHECK(std::get<CborArray>(must(parse("80")).value).empty());
  const CborValue map = must(parse("a3 01 6161 20 41ff 6162 80"));
  const auto& entries = std::get<CborMap>(map.value);
  REQUIRE(entries.size() == 3);
  CHECK(find_label(entries, 1)->as<std::string>() != nullptr);
  CHECK(find_label(entries, -1)->as<Bytes>() != nullptr);
  CHECK(find_label(entries, "b")->as<CborArray>() != nullptr);
  CHECK(find_label(entries, "c") == nullptr);
  for (const char* const tag : {"d200", "d81200", "d9001200", "da0000001200"}) {
    CHECK(std::get<CborTagged>(must(parse(tag)).value).tag == 18);
  }
  const CborValue time = must(parse("c1 1a6b01dea3"));
  CHECK(std::get<CborTagged>(time.value).tag == 1);
  CHECK(std::get<CborTagged>(time.value).item.at(0).as<std::int64_t>() != nullptr);
  for (const char* const other :
       {"f4", "f5", "f6", "f7", "f93c00", "fa3f800000", "fb3ff0000000000000"}) {
    CHECK(must(parse(other)).as<CborOther>() != nullptr);
  }
}

TEST_CASE("CBOR that breaks a rule is refused by name", "[trust]") {
  struct Row {
    const char* reason;
    std::string hex;
  };
  const std::vector<Row> rows{
      {"cut off", ""},
      {"cut off", "18"},
      {"cut off", "1b00000000000000"},
      {"cut off", "6261"},
      {"cut off", "5bffffffffffffffff00"},
      {"cut off", "7bffffffffffffffff00"},
      {"cut off", "5b7fffffffffffffff00"},
      {"cut off", "c1"},
      {"bytes after it", "0000"},
      {"bytes after it", "80ff"},
      {"more than 64 bits", "1b8000000000000000"},
      {"more than 64 bits", "3bffffffffffffffff"},
      {"malformed", "1c"},
      {"malformed", "3f"},
      {"malformed", "dc00"},
      {"malformed", "f8ff"},
      {"malformed", "fc"},
      {"indefinite", "5f4100ff"},
      {"indefinite", "7f6161ff"},
      {"indefinite", "9f01ff"},
      {"indefinite", "bf0102ff"},
      {"indefinite", "ff"},
      {"indefinite", "81ff"},
      {"not UTF-8", "62c328"},
      {"not UTF-8", "63eda080"},
      {"not UTF-8", "a161ff00"},
      {"claims 2 entries", "8201"},
      {"claims 1152921504606846976 entries", "9b100000000000000001"},
      {"claims 18446744073709551615 entries", "9bffffffffffffffff01"},
      {"claims 9223372036854775808 entries", "bb80000000000000000102"},
      {"claims 2 entries", "a2010203"},
      {"'1' stands twice", "a201020103"},
      {"'1' stands twice", "a20102180103"},
      {"'a' stands twice", "a2616101616102"},
      {"'a' stands twice", "a2616101780161 02"},
      {"'1' stands twice", "a100a201020103"},
      {"neither an integer nor a text", "a1410100"},
      {"neither an integer nor a text", "a18000"},
      {"neither an integer nor a text", "a1a000"},
      {"neither an integer nor a text", "a1c10000"},
      {"neither an integer nor a text", "a1f500"},
      {"neither an integer nor a text", "a1fa3f80000000"},
      {"indefinite", "a1ff00"},
  };
  for (const Row& row : rows) {
    const std::string why = refusal(row.hex);
    INFO(row.hex << ": " << row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

std::string nested(const std::string& hex, unsigned levels) {
  std::string text;
  for (unsigned i = 1; i < levels; ++i) {
    text += hex;
  }
  return text + "00";
}

TEST_CASE("CBOR that is nested too deeply is refused, whatever it is nested in", "[trust]") {
  for (const char* const level : {"81", "a100", "c1"}) {
    CHECK(refusal(nested(level, kMaxCborDepth)).empty());
    CHECK(refusal(nested(level, kMaxCborDepth + 1)).find("nested deeper") != std::string::npos);
  }
}

TEST_CASE("CBOR with too many items or bytes is refused", "[trust]") {
  constexpr ByteCount kRoomy{kMaxCborItems + 1};
  const auto array_of = [](std::size_t items) {
    CborWriter out;
    out.array(items);
    return out.str() + std::string(items, '\0');
  };
  CHECK(parse_cbor(as_bytes(array_of(kMaxCborItems - 1)), {1 * kMiB}, CborTags::kRefused));
  CHECK_FALSE(parse_cbor(as_bytes(array_of(kMaxCborItems)), {1 * kMiB}, CborTags::kRefused));
  CHECK_FALSE(parse_cbor(as_bytes(array_of(kMaxCborItems - 1)), kRoomy, CborTags::kRefused));
  // The same number in small arrays.
  std::string nested;
  for (std::size_t i = 0; i < kMaxCborItems / 16; ++i) {
    nested += array_of(16);
  }
  CborWriter outer;
  outer.array(kMaxCborItems / 16);
  const auto many = parse_cbor(as_bytes(outer.str() + nested), {1 * kMiB}, CborTags::kRefused);
  REQUIRE_FALSE(many);
}

TEST_CASE("a tag is refused where none is allowed", "[trust]") {
  CHECK(refusal("c100").empty());
  CHECK(refusal("c100", CborTags::kRefused).find("tag 1 is not allowed") != std::string::npos);
  CHECK(refusal("a101c100", CborTags::kRefused).find("not allowed") != std::string::npos);
}

TEST_CASE("CBOR is written in its shortest form", "[trust]") {
  CborWriter out;
  out.map(2).integer(-37).integer(24).text("a").array(3);
  out.bytes(as_bytes("x")).tag(1).integer(4294967296).integer(-1);
  CHECK(out.str() == from_hex("a2 3824 1818 6161 83 4178 c1 1b0000000100000000 20"));
  CborWriter longer;
  longer.text(std::string(256, 'a'));
  CHECK(longer.str().substr(0, 3) == from_hex("790100"));
  CHECK(longer.str().size() == 259);
}

TEST_CASE("CBOR is bounded in bytes, and in items however they are nested", "[trust]") {
  const std::string bytes = from_hex("4178");
  CHECK(parse_cbor(as_bytes(bytes), ByteCount{2}, CborTags::kAllowed));
  CHECK_FALSE(parse_cbor(as_bytes(bytes), ByteCount{1}, CborTags::kAllowed));
  // 4,095 elements are as many as there may be; with a tag on each it is twice as many.
  std::string plain = "990fff";
  std::string tagged = plain;
  for (int i = 0; i < 4095; ++i) {
    plain += "00";
    tagged += "c000";
  }
  const auto bounded = [](const std::string& hex) {
    return parse_cbor(as_bytes(from_hex(hex)), ByteCount{kMiB}, CborTags::kAllowed);
  };
  CHECK(bounded(plain));
  const auto refused = bounded(tagged);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("items") != std::string::npos);
}

}  // namespace
}  // namespace mosb::trust
