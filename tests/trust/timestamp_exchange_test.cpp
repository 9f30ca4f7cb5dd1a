#include "mosb/trust/timestamp_exchange.h"

#include <catch2/catch.hpp>

#include "tests/trust/timestamps.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::der;
using test::must;

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A query, and the token that an authority answers it with.
struct Exchange {
  test::Identity root = test::make_identity({"tsa root", nullptr, test::ca_extensions()});
  test::Identity signer =
      test::make_identity({"tsa signer", &root, test::timestamping_extensions()});
  TimestampQuery query = must(TimestampQuery::make(Sha2::k256, as_bytes("signature")));

  std::string answer_to(const std::string& text) const {
    return test::openssl_reply(text, {&signer, &root}, test::vector_clock().now());
  }
  std::string token() const {
    return text_of(must(query.read_reply(as_bytes(answer_to(std::string(query.der()))))));
  }
  std::string why(const std::string& reply) const {
    const auto read = query.read_reply(as_bytes(reply));
    return read ? "accepted" : read.error().message();
  }
};

std::string status(const std::string& number, const std::string& more = "") {
  return der(0x30, der(0x02, number) + more);
}

TEST_CASE("only a reply that grants a timestamp gives one", "[trust]") {
  const Exchange exchange;
  const std::string token = exchange.token();
  const auto why = [&](const std::string& said, const std::string& rest) {
    return exchange.why(der(0x30, said + rest));
  };
  CHECK(why(status(std::string(1, '\0')), token) == "accepted");
  CHECK(why(status("\x01"), token) == "accepted");
  const std::string words = der(0x30, der(0x0c, "come again"));
  for (const std::string& number : {std::string("\x02"),
                                    std::string("\x05"),
                                    std::string("\xff"),
                                    std::string("\0\x80", 2),
                                    std::string("\0\0", 2),
                                    std::string()}) {
    CHECK(why(status(number), token).find("refuses a timestamp") != std::string::npos);
    CHECK(why(status(number), token).find("come again") == std::string::npos);
    CHECK(why(status(number, words), token).find("refuses a timestamp: 'come again'") !=
          std::string::npos);
    // Why it failed, in bits, stands where the words may be missing.
    CHECK(why(status(number, der(0x03, std::string(2, '\0'))), token).find("refuses a timestamp") !=
          std::string::npos);
  }
}

TEST_CASE("a reply with more or less in it than a status and a token is refused", "[trust]") {
  const Exchange exchange;
  const std::string token = exchange.token();
  const std::string granted = status(std::string(1, '\0'));
  REQUIRE(exchange.why(der(0x30, granted + token)) == "accepted");
  for (const std::string& reply : {std::string(),
                                   der(0x30, granted),
                                   der(0x30, token),
                                   der(0x30, granted + token + token),
                                   der(0x30, granted + token + der(0x05, "")),
                                   der(0x30, granted + token) + "x",
                                   der(0x30, granted + der(0x30, "no token"))}) {
    CHECK(exchange.why(reply) != "accepted");
  }
}

TEST_CASE("a reply about something else, or to another query, is refused", "[trust]") {
  const Exchange exchange;
  const std::string query(exchange.query.der());
  // The same nonce with another imprint, as somebody in between could have it.
  const std::string imprint = text_of(hash_of(Sha2::k256, as_bytes("signature")));
  std::string changed = query;
  const std::size_t at = changed.find(imprint);
  REQUIRE(at != std::string::npos);
  changed[at] = static_cast<char>(changed[at] ^ 1);
  CHECK(exchange.why(exchange.answer_to(changed)).find("something else") != std::string::npos);
  const Exchange other;
  CHECK(exchange.why(exchange.answer_to(std::string(other.query.der()))).find("nonce differs") !=
        std::string::npos);
  CHECK(exchange.why(exchange.answer_to(query)) == "accepted");
}

}  // namespace
}  // namespace mosb::trust
