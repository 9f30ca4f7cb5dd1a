#include "mosb/base/json.h"

#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;

namespace {

constexpr ByteCount kLimit{4096};

std::string refusal(const std::string& text) {
  const auto parsed = json::parse(text, kLimit);
  if (parsed) {
    return "no refusal";
  }
  CHECK(parsed.error().code() == Errc::kContent);
  return parsed.error().message();
}

}  // namespace

TEST_CASE("one JSON text is read as it stands", "[base]") {
  const auto parsed = json::parse(" {\"a\": [1, true, null, \"\\u00e9\"]}\n", kLimit);
  REQUIRE(parsed);
  CHECK((*parsed)["a"][3] == "é");
}

TEST_CASE("JSON that parsers disagree on is refused", "[base]") {
  CHECK_THAT(refusal("{\"a\":1,\"a\":2}"), Contains("'a' stands twice"));
  CHECK_THAT(refusal("{\"a\":1,\"\\u0061\":2}"), Contains("'a' stands twice"));
  CHECK_THAT(refusal("{\"x\":{\"a\":1,\"b\":{\"a\":2},\"a\":3}}"), Contains("stands twice"));
  for (const char* bad : {"",
                          " ",
                          "{",
                          "{}{}",
                          "{} x",
                          "[1,]",
                          "{'a':1}",
                          "{\"a\":01}",
                          "{\"a\":NaN}",
                          "// c\n{}",
                          "{\"a\":\"\x01\"}",
                          R"({"a":"\x"})",
                          R"({"a":"\ud800"})",
                          "{\"a\":1e999}",
                          "nul",
                          "{\"a\":+1}"}) {
    CAPTURE(bad);
    CHECK(refusal(bad) != "no refusal");
  }
  CHECK_THAT(refusal("\xef\xbb\xbf{}"), Contains("byte order mark"));
  CHECK_THAT(refusal("{\"a\":\"\xff\"}"), Contains("not UTF-8"));
}

TEST_CASE("JSON is bounded in size and depth", "[base]") {
  CHECK_THAT(refusal(std::string(5000, ' ')), Contains("5000 bytes"));
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(json::parse(nested(32), kLimit));
  CHECK_THAT(refusal(nested(33)), Contains("more than 32 levels"));
  CHECK_THAT(refusal(std::string(4000, '[')), Contains("more than 32 levels"));
}

TEST_CASE("members have the type that is asked for, or the error names them", "[base]") {
  const Json object = *json::parse(
      R"({"s":"x","n":7,"neg":-1,"f":1.0,"b":true,"o":{},"l":["a","b"],"m":{"k":"v"},"null":null})",
      kLimit);
  CHECK(*json::require_string(object, "s") == "x");
  CHECK(*json::require_uint(object, "n") == 7);
  CHECK(*json::optional_bool(object, "b") == true);
  CHECK(*json::optional_string(object, "absent") == std::nullopt);
  CHECK(*json::optional_object(object, "absent") == nullptr);
  CHECK((*json::require_object(object, "o"))->is_object());
  CHECK((*json::require_array(object, "l"))->size() == 2);
  CHECK(*json::optional_string_list(object, "l") == std::vector<std::string>{"a", "b"});
  CHECK(*json::optional_string_map(object, "m") == std::map<std::string, std::string>{{"k", "v"}});

  CHECK(json::require_string(object, "absent").error().message() == "member 'absent' is missing");
  CHECK(json::optional_string(object, "n").error().message() == "member 'n' is not a string");
  CHECK_FALSE(json::optional_uint(object, "neg"));
  CHECK_FALSE(json::optional_uint(object, "f"));
  CHECK_FALSE(json::optional_uint(object, "s"));
  CHECK_FALSE(json::optional_bool(object, "n"));
  CHECK_FALSE(json::optional_object(object, "l"));
  CHECK_FALSE(json::optional_array(object, "o"));
  CHECK_FALSE(json::optional_string_list(object, "m"));
  CHECK_FALSE(json::optional_string_map(object, "l"));
  CHECK_FALSE(json::optional_string(object, "null"));
  CHECK_FALSE(json::require_object(Json::array(), "o"));
}

TEST_CASE("the elements of an array can be taken one by one, the rest stays", "[base]") {
  std::vector<std::string> taken;
  const auto parsed =
      json::parse(R"({"b": [7], "a": [1, {"a": [2], "b": {}}, [3], "x"], "c": {"a": [9]}})",
                  kLimit,
                  {"a", [&](const Json& element) {
                     taken.push_back(element.dump());
                     return ok();
                   }});
  REQUIRE(parsed);
  CHECK(taken == std::vector<std::string>{"1", R"({"a":[2],"b":{}})", "[3]", R"("x")"});
  CHECK(parsed->dump() == R"({"a":[],"b":[7],"c":{"a":[9]}})");
}

TEST_CASE("elements are taken of an array in an object only", "[base]") {
  for (const char* text :
       {R"({"a": {"b": 1, "c": [2]}})", R"([["a", [1]], {"a": [1]}])", R"("a")"}) {
    const auto parsed = json::parse(text, kLimit, {"a", [](const Json& /*element*/) -> Status {
                                                     return Error(Errc::kContent, "taken");
                                                   }});
    REQUIRE(parsed);
    CHECK(*parsed == *json::parse(text, kLimit));
  }
}

TEST_CASE("an element that is refused is named, and what is malformed is refused as ever",
          "[base]") {
  const auto parse = [](const char* text) {
    const auto parsed = json::parse(text, kLimit, {"a", [](const Json& element) -> Status {
                                                     return element.is_string()
                                                                ? Status(ok())
                                                                : Error(Errc::kPolicy, "no string");
                                                   }});
    REQUIRE_FALSE(parsed);
    return parsed.error();
  };
  CHECK(parse(R"({"a": ["x", 2, 3]})").code() == Errc::kPolicy);
  CHECK_THAT(parse(R"({"a": ["x", 2, 3]})").message(), Contains("a[1]: no string"));
  CHECK_THAT(parse(R"({"a": ["x", "y"], "a": []})").message(), Contains("'a' stands twice"));
  CHECK_THAT(parse(R"({"a": ["x", "y"})").message(), Contains("malformed"));
}
