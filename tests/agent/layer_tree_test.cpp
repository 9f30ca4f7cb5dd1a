#include "mosb/agent/layer_tree.h"

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::agent;

namespace {

/// `count` directories within one another.
std::string deep(const std::string& name, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) {
    path += (i == 0 ? "" : "/") + name;
  }
  return path;
}

bool is_refused(const Result<std::string>& path) {
  return !path && path.error().code() == Errc::kContent;
}

}  // namespace

TEST_CASE("a path that gets longer than Linux takes when symlinks are followed is refused",
          "[image]") {
  LayerTree tree;
  tree.put_symlink("long", deep("d", 2000));
  CHECK(must(tree.resolve("long/" + deep("e", 40) + "/x")).size() == 3999 + 1 + 79 + 2);
  CHECK(is_refused(tree.resolve("long/" + deep("e", 49) + "/x")));
}

TEST_CASE("symlinks that lead up and down for long are given up", "[image]") {
  LayerTree tree;
  std::string back_and_forth;
  for (int i = 0; i < 600; ++i) {
    back_and_forth += "a/../";
  }
  tree.put_directory("a", {});
  std::string path;
  for (int i = 0; i < 5; ++i) {
    const std::string name = "s" + std::to_string(i);
    tree.put_symlink(name, back_and_forth);
    path += name + "/";
    const auto found = tree.resolve(path + "x");
    CHECK(is_refused(found) == (i >= 3));
  }
}

TEST_CASE("what the names of all files take together is bounded", "[image]") {
  LayerTree tree;
  const std::string name(4095, 'n');
  int count = 0;
  while (tree.count_name(name) && count < 100'000) {
    ++count;
  }
  CHECK(count == (256 << 20) / 4095);
  CHECK(tree.count_name(name).error().code() == Errc::kContent);
}
