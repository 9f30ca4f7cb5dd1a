#include "provider-kvm/qmp_message.h"

#include <string>
#include <variant>

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using namespace mosb;       // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;  // NOLINT(google-build-using-namespace): the part under test

TEST_CASE("what qemu 7.2 says is understood", "[qmp]") {
  const auto greeting = std::get<QmpGreeting>(must(
      parse_qmp(R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, )"
                R"("package": "Debian 1:7.2+dfsg-7+deb12u18+b3"}, "capabilities": ["oob"]}})")));
  CHECK(greeting.version == "7.2.22");
  const auto value = std::get<QmpReturn>(
      must(parse_qmp(R"({"return": {"status": "running", "running": true}, "id": 3})")));
  CHECK(value.id == 3);
  CHECK(value.value.at("status") == "running");
  const auto failure = std::get<QmpFailure>(must(
      parse_qmp(R"({"error": {"class": "CommandNotFound", "desc": "no such command"}, "id": 4})")));
  CHECK(failure.id == 4);
  CHECK(failure.description == "no such command");
  const auto event = std::get<QmpEvent>(
      must(parse_qmp(R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", )"
                     R"("data": {"guest": true, "reason": "guest-shutdown"}})")));
  CHECK(event.name == "SHUTDOWN");
  CHECK(event.data.at("guest") == true);
}

TEST_CASE("what is no message of qemu is refused", "[qmp]") {
  for (const char* text : {"",
                           "hello",
                           "[]",
                           "{}",
                           "3",
                           R"({"return": {}})",
                           R"({"return": {}, "id": -1})",
                           R"({"QMP": 3})",
                           R"({"QMP": {"version": {}}})",
                           R"({"error": {"desc": "x"}, "id": 1})",
                           R"({"event": 3})",
                           R"({"event": "A", "event": "B"})"}) {
    CAPTURE(text);
    const auto message = parse_qmp(text);
    REQUIRE_FALSE(message);
    CHECK(message.error().code() == Errc::kContent);
  }
}

TEST_CASE("a command is one line whatever its arguments hold", "[qmp]") {
  const std::string line = print_qmp_command("set", {{"name", "a\nb\"c"}}, 7);
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(Json::parse(line) ==
        Json({{"execute", "set"}, {"arguments", {{"name", "a\nb\"c"}}}, {"id", 7}}));
  CHECK(Json::parse(print_qmp_command("quit", nullptr, 1)).contains("arguments") == false);
}

TEST_CASE("lines are cut from bytes however they come", "[qmp]") {
  LineBuffer lines(ByteCount{8});
  CHECK_FALSE(lines.next());
  must(lines.add("ab"));
  CHECK_FALSE(lines.next());
  must(lines.add("c\r\nde\n\nf"));
  CHECK(lines.next() == "abc");
  CHECK(lines.next() == "de");
  CHECK(lines.next() == "");
  CHECK_FALSE(lines.next());
  must(lines.add("\n"));
  CHECK(lines.next() == "f");
}

TEST_CASE("a line without end is refused once it is longer than the limit", "[qmp]") {
  LineBuffer lines(ByteCount{8});
  must(lines.add("12345678"));
  const Status longer = lines.add("9");
  REQUIRE_FALSE(longer);
  CHECK(longer.error().code() == Errc::kContent);
}
