#include "mosb/trust/remembering_web.h"

#include <catch2/catch.hpp>

#include "tests/trust/scripted_web.h"

namespace mosb::trust {
namespace {

WebRequest question(const std::string& url) {
  return {.url = url,
          .content = std::nullopt,
          .max_answer = ByteCount{100},
          .timeout = std::chrono::seconds(1)};
}

/// A server that never gives one answer twice, and none for "away".
struct Server {
  int count = 0;
  test::ScriptedWeb web{[this](const WebRequest& request) -> Result<WebAnswer> {
    ++count;
    if (request.url == "away") {
      return Error(Errc::kNetwork, "no answer " + std::to_string(count));
    }
    return WebAnswer{"text/plain", "answer " + std::to_string(count)};
  }};
};

TEST_CASE("a question is asked once, and its answer stays, a failure too", "[trust]") {
  Server server;
  RememberingWeb web(server.web);
  for (int i = 0; i < 3; ++i) {
    const auto answer = web.ask(question("a"));
    REQUIRE(answer);
    CHECK(answer->bytes == "answer 1");
    CHECK(answer->media_type == "text/plain");
    const auto failure = web.ask(question("away"));
    REQUIRE_FALSE(failure);
    CHECK(failure.error().code() == Errc::kNetwork);
    CHECK(failure.error().message() == "no answer 2");
  }
  CHECK(server.count == 2);
}

TEST_CASE("questions that differ in anything are asked each", "[trust]") {
  Server server;
  RememberingWeb web(server.web);
  const WebRequest plain = question("a");
  WebRequest posted = plain;
  posted.content = WebRequest::Content{"application/ocsp-request", "1"};
  WebRequest other_post = plain;
  other_post.content = WebRequest::Content{"application/ocsp-request", "2"};
  WebRequest larger = plain;
  larger.max_answer = ByteCount{200};
  int number = 0;
  for (const WebRequest& request : {plain, posted, other_post, larger, question("b")}) {
    CHECK(web.ask(request)->bytes == "answer " + std::to_string(++number));
  }
  CHECK(web.ask(posted)->bytes == "answer 2");
}

TEST_CASE("of answers so much is kept and no more, of failures all", "[trust]") {
  Server server;
  RememberingWeb web(server.web, ByteCount{16});
  CHECK(web.ask(question("a"))->bytes == "answer 1");
  CHECK(web.ask(question("b"))->bytes == "answer 2");
  CHECK(web.ask(question("c"))->bytes == "answer 3");
  CHECK(web.ask(question("c"))->bytes == "answer 4");
  CHECK(web.ask(question("a"))->bytes == "answer 1");
  CHECK(web.ask(question("b"))->bytes == "answer 2");
  CHECK_FALSE(web.ask(question("away")));
  CHECK_FALSE(web.ask(question("away")));
  CHECK(server.count == 5);
}

}  // namespace
}  // namespace mosb::trust
