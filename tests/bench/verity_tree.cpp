// What tests/bench/mounts.py measures beside veritysetup: the making of a hash tree and the check
// of every block, as `image build` and `image verify` do them, without anything around.
//   verity_tree build FILE        appends the tree, prints "ROOTHASH SIZE"
//   verity_tree check FILE ROOTHASH SIZE
#include <cstdio>
#include <string>
#include <string_view>

#include "verity/hash_tree.h"

namespace {

using namespace mosb;
using namespace mosb::verity;

int fail(const Error& error) {
  (void)std::fprintf(stderr, "verity_tree: %s\n", error.message().c_str());
  return 1;
}

int build(const std::string& file) {
  const auto made = append_hash_tree(file);
  if (!made) {
    return fail(made.error());
  }
  std::printf("%s %llu\n",
              made->root_hash.hex().c_str(),
              static_cast<unsigned long long>(made->file_size.value));
  return 0;
}

int check(const std::string& file, const std::string& root_hash, const std::string& size) {
  const auto root = RootHash::parse(root_hash);
  if (!root) {
    return fail(root.error());
  }
  const LayerSource layer{file,
                          ByteCount{std::stoull(size)},
                          *root,
                          Digest::of(std::string_view()),
                          Filesystem::kSquashfs};
  const auto checked = verify_layer_file(layer);
  return checked ? 0 : fail(checked.error());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "build" && argc == 3) {
    return build(argv[2]);
  }
  if (command == "check" && argc == 5) {
    return check(argv[2], argv[3], argv[4]);
  }
  (void)std::fputs("usage: verity_tree build FILE | check FILE ROOTHASH SIZE\n", stderr);
  return 2;
}
