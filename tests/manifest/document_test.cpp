#include "mosb/manifest/document.h"

#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "samples.h"

using Catch::Matchers::Contains;
using mosb::manifest::Document;
using mosb::manifest::Node;
using mosb::manifest::read_document;
using mosb::manifest::test::first_problem;
using mosb::manifest::test::problems_of;

namespace {

/// The tree without its marks, so that texts can be compared by meaning.
std::string shape(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kPlain:
      return "<" + node.text + ">";
    case Node::Kind::kQuoted:
      return "\"" + node.text + "\"";
    case Node::Kind::kSequence: {
      std::string out = "[";
      for (const Node& item : node.items) {
        out += shape(item) + ",";
      }
      return out + "]";
    }
    case Node::Kind::kMapping: {
      std::string out = "{";
      for (const Node::Member& member : node.members) {
        out += member.name + ":" + shape(member.value) + ",";
      }
      return out + "}";
    }
  }
  return "";
}

std::string shape_of(const std::string& text) {
  const Document document = read_document(text);
  return document.problems.empty() ? shape(document.root) : "problem";
}

}  // namespace

TEST_CASE("YAML and JSON of the same meaning give the same tree", "[manifest]") {
  CHECK(shape_of("a: \"x\"\nb: [1, true, null]\nc: {d: \"\"}\n") ==
        shape_of("{\"a\":\"x\",\"b\":[1,true,null],\"c\":{\"d\":\"\"}}"));
  CHECK(shape_of("{\n\t\"a\"\n\t:\n\t\"\\ud83d\\ude00\\/\"\r\n}\n") ==
        "{a:\"\xf0\x9f\x98\x80/\",}");
  CHECK(shape_of("{a: x, b: [1, 2,],}") == "{a:<x>,b:[<1>,<2>,],}");
}

TEST_CASE("block and quoted text arrives as it was meant", "[manifest]") {
  CHECK(shape_of("a: |\n  one\n   two\n\n  three\n") == "{a:\"one\n two\n\nthree\n\",}");
  CHECK(shape_of("a: |-\r\n  one\r\n  two\r\n") == "{a:\"one\ntwo\",}");
  CHECK(shape_of("a: 'it''s'\nb: \"tab\\tnul\\x41\"\n") == "{a:\"it's\",b:\"tab\tnulA\",}");
  CHECK(shape_of("---\na: b # comment\n...\n") == "{a:<b>,}");
}

TEST_CASE("each value knows its line and its column in characters", "[manifest]") {
  const Document yaml = read_document("a: 1\nbé:   x\n");
  REQUIRE(yaml.root.members.size() == 2);
  CHECK(yaml.root.members[1].mark.line == 2);
  CHECK(yaml.root.members[1].mark.column == 1);
  CHECK(yaml.root.members[1].value.mark.column == 7);
  const Document json = read_document("{\"a\": {\"b\\\"]\":\n  [10, \"é\", true]}}");
  const Node& list = json.root.members[0].value.members[0].value;
  CHECK(list.mark.line == 2);
  CHECK(list.mark.column == 3);
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[1].mark.column == 8);
  CHECK(list.items[2].mark.column == 13);
  CHECK(list.items[2].text == "true");
}

TEST_CASE("what a manifest must not use is refused with its place", "[manifest]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a: &x 1\n", "1:4: an anchor"},
      {"a: &x\n", "1:4: an anchor"},
      {"&x a: 1\n", "an anchor"},
      {"a: &x [*x]\n", "1:4: an anchor"},
      {"a: *x\n", "1:4: "},
      {"a: !!str 1\n", "1:4: a tag"},
      {"a: !!binary aGk=\n", "1:4: a tag"},
      {"a: !!python/object:os.system []\n", "1:4: a tag"},
      {"a: ! x\n", "1:4: a tag"},
      {"a: ! 'x'\n", "1:4: a tag"},
      {"<<: {a: 1}\n", "1:1: merge key '<<'"},
      {"\"<<\": {a: 1}\n", "merge key '<<'"},
      {"%YAML 1.2\n---\na: 1\n", "1:1: a directive"},
      {"# x\n%TAG ! tag:x,2000:\n---\na: 1\n", "2:1: a directive"},
      {"a: 1\n---\nb: 2\n", "a second document"},
      {"a: 1\n...\n---\n", "a second document"},
      {"{\"a\":1}\n{\"b\":2}\n", ""},
      {"", "the manifest is empty"},
      {"# only a comment\n", "the manifest is empty"},
      {"\xef\xbb\xbf"
       "a: 1\n",
       "1:1: the manifest begins with a byte order mark"},
      {std::string("\xff\xfe\x61\x00", 4), "1:1: the manifest is not UTF-8"},
      {"a: 1\nb: \xc3\x28\n", "2:4: the manifest is not UTF-8"},
      {std::string("a: x\0y\n", 7), "1:5: a control character"},
      {"a: \x1b[31m\n", "1:4: a control character"},
      {"a: x\rb: y\n", "1:5: a control character"},
      {"a: x\xc2\x85y\n", "1:5: a control character"},
      {"a: x\xe2\x80\xa8y\n", "1:5: a control character"},
      {"? [a, b]\n: c\n", "1:3: a key that is not plain text"},
      {"? {a: b}\n: c\n", "1:3: a key that is not plain text"},
      {"~: c\n", "a key that is not plain text"},
      {"a: 1\n\tb: 2\n", "2:"},
      {"a: [1, 2\n", "1:"},
      {"a: b: c\n", "1:5: "},
      {"a: @x\n", "1:4: "},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    const std::string problem = first_problem(text);
    CHECK(problem != "no problem");
    CHECK_THAT(problem, Contains(expected));
  }
}

TEST_CASE("a key that stands twice is refused, however it is written", "[manifest]") {
  CHECK(first_problem("a: 1\nb: 2\na: 3\n") == "3:1: key 'a' stands twice, first in line 1");
  CHECK(first_problem("a: 1\n\"\\x61\": 3\n") == "2:1: key 'a' stands twice, first in line 1");
  CHECK(first_problem("{\"a\":1,\"\\u0061\":2}") == "1:8: key 'a' stands twice, first in line 1");
  CHECK(problems_of("a: {x: 1, x: 2, x: 3}\n").size() == 2);
}

TEST_CASE("size, depth and number of values are bounded", "[manifest]") {
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(read_document(std::string(200'000, '[')).problems.empty());
  CHECK_THAT(first_problem("a: " + std::string(200'000, '[') + std::string(200'000, ']')),
             Contains("more than 16 levels"));
  CHECK_THAT(first_problem("{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}"),
             Contains("more than 16 levels"));
  CHECK_THAT(first_problem("a: " + std::string(2'000'000, 'x')), Contains("larger than 1 MiB"));
  std::string many = "a:\n";
  for (int i = 0; i < 20'000; ++i) {
    many += "- x\n";
  }
  CHECK_THAT(first_problem(many), Contains("more than 10000 values"));
  std::string keys;
  for (int i = 0; i < 6'000; ++i) {
    keys += "k" + std::to_string(i) + ": 1\n";
  }
  CHECK_THAT(first_problem(keys), Contains("more than 10000 values"));
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + before + "," + before + "," + before + "]\n";
  }
  CHECK_THAT(first_problem(bomb), Contains("an anchor"));
  // Generous: the point is that nothing here is worse than linear.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("a problem's text carries no terminal escapes of the file", "[manifest]") {
  CHECK(first_problem("version: 1\n\"\\e[31mx\": 1\n").find('\x1b') == std::string::npos);
  CHECK(first_problem("\"\\e]0;x\\a\": 1\n\"\\e]0;x\\a\": 1\n").find('\x1b') == std::string::npos);
}
