#include "mosb/base/text.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

TEST_CASE("shown text has no control characters and no broken UTF-8", "[base]") {
  CHECK(escape("plain é ✓ 😀") == "plain é ✓ 😀");
  CHECK(escape("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a");
  CHECK(escape(std::string_view("\0\x7f", 2)) == "\\x00\\x7f");
  CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(escape("\xff\xc3") == "\\xff\\xc3");
  CHECK(is_utf8(escape("\xed\xa0\x80\xf5\xc0\xaf")));
}

TEST_CASE("quoted text is cut to a length that fits a line", "[base]") {
  CHECK(quote("x") == "'x'");
  CHECK(quote("") == "''");
  const std::string cut = quote(std::string(5000, 'x'));
  CHECK(cut.size() < 220);
  CHECK(cut.find("…") != std::string::npos);
  CHECK(is_utf8(quote(std::string(199, 'x') + "é")));
}

TEST_CASE("UTF-8 is strict", "[base]") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
  for (const char* bad : {"\x80",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc2",
                          "\xe0\x80\x80",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xe2\x82",
                          "\xe2\x28\xa1"}) {
    CAPTURE(escape(bad));
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("a printable line has no control characters", "[base]") {
  CHECK(is_printable_line("a b\xc3\xa9"));
  CHECK_FALSE(is_printable_line("a\tb"));
  CHECK_FALSE(is_printable_line("a\nb"));
  CHECK_FALSE(is_printable_line("\x7f"));
  CHECK_FALSE(is_printable_line(std::string_view("\0", 1)));
}

TEST_CASE("split keeps empty parts and join undoes it", "[base]") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(split(",", ',') == std::vector<std::string>{"", ""});
  CHECK(join(std::vector<std::string>{"a", "b", "c"}, ", ") == "a, b, c");
  CHECK(join(std::vector<std::string>{}, ", ").empty());
  CHECK(join(std::vector<std::string>{"", "b", ""}, ",") == ",b,");
}

TEST_CASE("the nearest name is found for a typing error and not for another word", "[base]") {
  constexpr std::array<std::string_view, 4> kNames{"persistent", "nsgroup", "size", "label"};
  CHECK(nearest_name("persistant", kNames) == "persistent");
  CHECK(nearest_name("presistent", kNames) == "persistent");
  CHECK(nearest_name("siez", kNames).empty());
  CHECK(nearest_name("sizes", kNames) == "size");
  CHECK(nearest_name("lable", kNames).empty());
  CHECK(nearest_name("something", kNames).empty());
  CHECK(nearest_name(std::string(10'000, 'x'), kNames).empty());
  CHECK(nearest_name("x", {}).empty());
}
