#include "mosb/agent/http_web.h"

#include <catch2/catch.hpp>

#include "tests/support/must.h"
#include "tests/support/test_registry.h"

namespace mosb::agent {
namespace {

using test::ScriptedRegistry;

trust::WebRequest request(const ScriptedRegistry& server, const std::string& path) {
  return {.url = "http://" + server.host() + path,
          .content = std::nullopt,
          .max_answer = ByteCount{100},
          .timeout = std::chrono::seconds(20)};
}

TEST_CASE("a server's answer comes with its media type", "[agent]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "GET"},
                    {"path", "/a.crl"},
                    {"headers", {{"Content-Type", "application/pkix-crl"}}},
                    {"body", "list"}},
                   {{"method", "POST"}, {"path", "/tsa"}, {"body", "token"}}})));
  HttpWeb web({});
  const trust::WebAnswer got = must(web.ask(request(server, "/a.crl")));
  CHECK(got.media_type == "application/pkix-crl");
  CHECK(got.bytes == "list");
  trust::WebRequest query = request(server, "/tsa");
  query.content = trust::WebRequest::Content{"application/timestamp-query", "question"};
  CHECK(must(web.ask(query)).bytes == "token");
  const Json posted = server.requests().back();
  CHECK(posted.at("headers").at("content-type") == "application/timestamp-query");
  CHECK(posted.at("size") == 8);
}

TEST_CASE("what is no answer in time and size is an error of the network", "[agent]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"path", "/missing"}, {"status", 404}},
                   {{"path", "/broken"}, {"status", 500}},
                   {{"path", "/large"}, {"fill", 101}},
                   {{"path", "/endless"}, {"endless", true}},
                   {{"path", "/slow"}, {"delay_ms", 60000}, {"body", "late"}}})));
  HttpWeb web({});
  for (const char* const path : {"/missing", "/broken", "/large", "/endless", "/slow"}) {
    INFO(path);
    trust::WebRequest asked = request(server, path);
    if (std::string_view(path) == "/slow") {
      asked.timeout = std::chrono::milliseconds(500);
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = web.ask(asked);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == Errc::kNetwork);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  }
  for (const char* const url : {"ftp://127.0.0.1/x", "http://", "", "http://127.0.0.1:1/nobody"}) {
    INFO(url);
    const auto answer = web.ask({.url = url,
                                 .content = std::nullopt,
                                 .max_answer = ByteCount{100},
                                 .timeout = std::chrono::seconds(5)});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == Errc::kNetwork);
  }
}

}  // namespace
}  // namespace mosb::agent
