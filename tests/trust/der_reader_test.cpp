#include "mosb/trust/der_reader.h"

#include <catch2/catch.hpp>

#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using namespace std::string_literals;
using test::must;

constexpr char kOctets = 0x04;

/// An element with a length in the form given and so many octets of content.
std::string element(const std::string& length, std::size_t size) {
  return kOctets + length + std::string(size, 'x');
}

bool reads(const std::string& bytes) {
  DerReader reader(as_bytes(bytes));
  return reader.next().has_value();
}

TEST_CASE("elements of DER are read in all the lengths that there are, in their shortest form",
          "[trust]") {
  for (const auto& [bytes, size] :
       {std::pair(element("\x00"s, 0), 0U),
        std::pair(element("\x7f"s, 0x7f), 0x7fU),
        std::pair(element("\x81\x80"s, 0x80), 0x80U),
        std::pair(element("\x81\xff"s, 0xff), 0xffU),
        std::pair(element("\x82\x01\x00"s, 0x100), 0x100U),
        std::pair(element("\x83\x01\x00\x00"s, 0x10000), 0x10000U),
        std::pair(element("\x84\x01\x00\x00\x00"s, 0x1000000), 0x1000000U)}) {
    const std::string text = bytes + "rest";
    DerReader reader(as_bytes(text));
    const DerElement read = must(reader.next());
    CHECK(read.tag == 0x04);
    CHECK(read.content.size() == size);
    CHECK(read.whole.size() == bytes.size());
    CHECK_FALSE(reader.at_end());
    CHECK(reader.next_is('r'));
  }
}

TEST_CASE("what is not DER in its shortest form is refused", "[trust]") {
  for (const std::string& bytes : {""s,
                                   "\x04"s,
                                   // the indefinite length
                                   "\x04\x80"s + "x\0\0"s,
                                   "\x04\x80"s,
                                   // longer than needed
                                   element("\x81\x7f"s, 0x7f),
                                   element("\x81\x00"s, 0),
                                   element("\x82\x00\xff"s, 0xff),
                                   element("\x85\x00\x00\x00\x01\x00"s, 0x100),
                                   element("\x85\x01\x00\x00\x00\x00"s, 0x100),
                                   element("\x80"s, 0x80),
                                   // a length that no number here holds
                                   element("\x89\x01\0\0\0\0\0\0\0\x80"s, 0x80),
                                   // a length that is cut off
                                   "\x04\x81"s,
                                   "\x04\x82\x01"s,
                                   "\x04\x84\x01\x00\x00"s,
                                   // less content than said
                                   element("\x05"s, 4),
                                   element("\x81\x80"s, 0x7f),
                                   // a tag of several octets
                                   "\x1f\x01x"s,
                                   "\x3f\x81\x01x"s}) {
    INFO(bytes.size());
    CHECK_FALSE(reads(bytes));
  }
}

TEST_CASE("an element of another tag than the wanted one is refused, and stays", "[trust]") {
  const std::string bytes = "\x04\x01x\x02\x01\x07"s;
  DerReader reader(as_bytes(bytes));
  CHECK_FALSE(reader.next(kDerInteger));
  CHECK(must(reader.next(kDerOctetString)).content.size() == 1);
  CHECK_FALSE(reader.next_is(kDerOctetString));
  CHECK(must(reader.next(kDerInteger)).content.front() == std::byte{7});
  CHECK(reader.at_end());
  CHECK_FALSE(reader.next_is(kDerInteger));
  CHECK_FALSE(reader.next(kDerInteger));
}

}  // namespace
}  // namespace mosb::trust
