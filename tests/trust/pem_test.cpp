#include "mosb/trust/pem.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

TEST_CASE("PEM blocks are found between other text", "[trust]") {
  const std::string one = print_pem("CERTIFICATE", as_bytes("first"));
  const std::string two = print_pem("OTHER THING",
                                    as_bytes("second, longer than one line of base64 "
                                             "in a file with CR LF line ends"));
  std::string crlf;
  for (const char c : two) {
    crlf += c == '\n' ? "\r\n" : std::string(1, c);
  }
  const auto blocks = must(parse_pem("subject=x\n" + one + "\n# and\n" + crlf + "end"));
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].label == "CERTIFICATE");
  CHECK(blocks[0].content.size() == 5);
  CHECK(blocks[1].label == "OTHER THING");
  CHECK(blocks[1].content.size() == 69);
}

TEST_CASE("a text without PEM blocks has none", "[trust]") {
  CHECK(must(parse_pem("")).empty());
  CHECK(must(parse_pem("-----BEGIN\n-----BEGIN -----x\n---BEGIN X---")).empty());
}

TEST_CASE("a PEM block that is cut or odd is refused", "[trust]") {
  const std::string good = print_pem("CERTIFICATE", as_bytes("some bytes"));
  for (const std::string& bad :
       {good.substr(0, good.size() - 10),
        good.substr(0, good.find("-----END")),
        "-----BEGIN A-----\nAAAA\n-----END B-----\n" + good,
        std::string("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END A-----\n"),
        std::string("-----BEGIN A-----\nAA A\n-----END A-----\n"),
        std::string("-----BEGIN A-----\nAAA\n-----END A-----\n")}) {
    INFO(bad);
    CHECK(parse_pem(bad).has_value() == false);
  }
}

TEST_CASE("a PEM block of full lines has no empty one, and a label may be empty", "[trust]") {
  const std::string full = print_pem("A", as_bytes(std::string(48, 'x')));
  CHECK(std::count(full.begin(), full.end(), '\n') == 3);
  const auto blocks = must(parse_pem(print_pem("", as_bytes("x"))));
  REQUIRE(blocks.size() == 1);
  CHECK(blocks.front().label.empty());
}

}  // namespace
}  // namespace mosb::trust
