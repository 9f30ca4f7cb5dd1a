#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>

#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/text.h"
#include "tests/verity/data_fixture.h"
#include "verity/geometry.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

namespace {

using test::MadeLayer;

TempDir temp_dir() {
  auto dir = TempDir::make(test::scratch_parent(), "mosb-verity-");
  REQUIRE(dir);
  return *std::move(dir);
}

std::string offset_of(std::uint64_t blocks) {
  return "--hash-offset=" + std::to_string(blocks * kBlockSize);
}

/// What veritysetup prints behind a label.
std::string field(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = text.find_first_not_of(" \t", at + label.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// "" or the refusal.
std::string verify(const std::string& path, std::uint64_t size, const RootHash& root_hash) {
  const Status status = verify_layer_file(test::source_of(path, size, root_hash));
  if (status) {
    return "";
  }
  CHECK(status.error().code() == Errc::kVerity);
  return status.error().message();
}

std::string verify(const MadeLayer& layer) {
  return verify(layer.path, layer.tree.file_size.value, layer.tree.root_hash);
}

}  // namespace

TEST_CASE("veritysetup and mosb make the same tree and accept each other's", "[verity]") {
  if (!test::have("veritysetup", "veritysetup and mosb make the same tree")) {
    return;
  }
  const TempDir dir = temp_dir();
  for (const std::uint64_t blocks : {1U, 2U, 127U, 128U, 129U, 16384U, 16385U}) {
    INFO(blocks);
    const MadeLayer ours = test::make_layer(dir.path() + "/ours", blocks);
    const std::string root = ours.tree.root_hash.hex();
    test::run({"veritysetup", "verify", ours.path, ours.path, offset_of(blocks), root});

    const std::string dump = test::run({"veritysetup", "dump", ours.path, offset_of(blocks)});
    const std::string theirs = dir.path() + "/theirs";
    test::write_all(theirs, test::image_bytes(blocks));
    const std::string made = test::run({"veritysetup",
                                        "format",
                                        theirs,
                                        theirs,
                                        offset_of(blocks),
                                        "--salt=" + field(dump, "Salt:"),
                                        "--uuid=" + field(dump, "UUID:")});
    CHECK(field(made, "Root hash:") == root);
    CHECK(test::read_all(theirs) == test::read_all(ours.path));

    test::write_all(theirs, test::image_bytes(blocks, 2));
    const std::string random =
        test::run({"veritysetup", "format", theirs, theirs, offset_of(blocks)});
    const auto their_root = RootHash::parse(field(random, "Root hash:"));
    REQUIRE(their_root);
    CHECK(verify(theirs, ours.tree.file_size.value, *their_root).empty());
    CHECK_FALSE(verify(theirs, ours.tree.file_size.value, ours.tree.root_hash).empty());
  }
}

TEST_CASE("the same image gives the same layer file, another image another one", "[verity]") {
  const TempDir dir = temp_dir();
  const MadeLayer first = test::make_layer(dir.path() + "/first", 300);
  const MadeLayer second = test::make_layer(dir.path() + "/second", 300);
  const MadeLayer other = test::make_layer(dir.path() + "/other", 300, 2);
  CHECK(first.tree.root_hash == second.tree.root_hash);
  CHECK(test::read_all(first.path) == test::read_all(second.path));
  CHECK(first.tree.root_hash != other.tree.root_hash);
  CHECK(verify(first).empty());
}

TEST_CASE("an image that does not end with a block is padded with zeros", "[verity]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/image";
  const std::string image = test::image_bytes(5);
  const std::string cut = image.substr(0, image.size() - 100);
  test::write_all(path, cut);
  const auto tree = append_hash_tree(path);
  REQUIRE(tree);
  CHECK(verify(path, tree->file_size.value, tree->root_hash).empty());
  CHECK(test::read_all(path).substr(0, image.size()) == cut + std::string(100, '\0'));
}

TEST_CASE("nothing but a bare squashfs image gets a hash tree", "[verity]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/image";
  const auto refused = [&] {
    const auto tree = append_hash_tree(path);
    return !tree && tree.error().code() == Errc::kVerity;
  };
  test::write_all(path, "");
  CHECK(refused());
  test::write_all(path, std::string(8192, 'x'));
  CHECK(refused());
  test::write_all(path, test::image_bytes(5) + std::string(4096, '\0'));
  CHECK(refused());
  const MadeLayer layer = test::make_layer(path, 5);
  const std::string before = test::read_all(path);
  CHECK(refused());
  CHECK(test::read_all(path) == before);
}

TEST_CASE("a flipped bit anywhere in a layer file is found", "[verity]") {
  const TempDir dir = temp_dir();
  for (const std::uint64_t blocks : {1U, 300U, 16400U}) {
    const MadeLayer layer = test::make_layer(dir.path() + "/layer", blocks);
    const std::uint64_t size = layer.tree.file_size.value;
    std::mt19937_64 random(blocks);
    const unsigned rounds = blocks > 10'000 ? 6 : 400;
    for (unsigned i = 0; i < rounds; ++i) {
      // Half of them behind the data, where superblock and tree are.
      const std::uint64_t begin = i % 2 == 0 ? 0 : blocks * kBlockSize;
      const std::uint64_t bit = begin * 8 + random() % ((size - begin) * 8);
      INFO("of " << blocks << " blocks, bit " << bit);
      test::flip_bit(layer.path, bit);
      const std::uint64_t in_superblock = bit / 8 - std::min(bit / 8, blocks * kBlockSize);
      const bool in_uuid = bit / 8 >= blocks * kBlockSize && in_superblock >= 16 &&
                           in_superblock < 32;  // it protects and changes nothing
      CHECK(verify(layer).empty() == in_uuid);
      test::flip_bit(layer.path, bit);
    }
    CHECK(verify(layer).empty());
  }
}

TEST_CASE("the first bad block is named", "[verity]") {
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 2000);
  test::flip_bit(layer.path, 1999 * kBlockSize * 8);
  test::flip_bit(layer.path, 700 * kBlockSize * 8 + 17);
  CHECK(verify(layer).find("data block 700 ") != std::string::npos);
}

TEST_CASE("a layer of another size than signed is refused", "[verity]") {
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 300);
  const std::string good = test::read_all(layer.path);
  test::write_all(layer.path, good + "x");
  CHECK(verify(layer).find("more than") != std::string::npos);
  test::write_all(layer.path, good + std::string(4096, '\0'));
  CHECK(verify(layer).find("more than") != std::string::npos);
  test::write_all(layer.path, good.substr(0, good.size() - 1));
  CHECK(verify(layer).find("less than") != std::string::npos);
  test::write_all(layer.path, "");
  CHECK(verify(layer).find("less than") != std::string::npos);
}

TEST_CASE("a superblock that says fewer data blocks is refused", "[verity]") {
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 300);
  test::patch(layer.path, 300 * kBlockSize + 72, std::string("\x2b\x01", 2));  // 299
  CHECK(verify(layer).find("says 299 data blocks") != std::string::npos);
}

TEST_CASE("the right tree under another root hash is refused", "[verity]") {
  const TempDir dir = temp_dir();
  for (const std::uint64_t blocks : {1U, 100U, 300U, 16400U}) {
    const MadeLayer one = test::make_layer(dir.path() + "/one", blocks, 1);
    const MadeLayer two = test::make_layer(dir.path() + "/two", blocks, 2);
    CHECK_FALSE(verify(one.path, one.tree.file_size.value, two.tree.root_hash).empty());
    CHECK_FALSE(verify(two.path, two.tree.file_size.value, one.tree.root_hash).empty());
  }
}

TEST_CASE("hash blocks cannot pass for the data of a smaller layer", "[verity]") {
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 300;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  const Geometry whole = Geometry::of_data_blocks(kBlocks);
  const std::string bytes = test::read_all(layer.path);
  const auto blocks = [&](std::uint64_t first, std::uint64_t count) {
    return bytes.substr(first * kBlockSize, count * kBlockSize);
  };
  // The lowest level as data; the tree above it has the same root hash.
  std::string superblock = blocks(kBlocks, 1);
  superblock.replace(72, 8, std::string("\3\0\0\0\0\0\0\0", 8));
  const std::string crafted =
      blocks(whole.levels[0].first_block, 3) + superblock + blocks(whole.levels[1].first_block, 1);
  const std::string path = dir.path() + "/crafted";
  test::write_all(path, crafted);
  REQUIRE(whole.levels[0].blocks == 3);
  if (test::have("veritysetup", "the crafted layer has the same root hash")) {
    // The attack is real: to a verifier that believes the superblock it is a good layer.
    test::run({"veritysetup", "verify", path, path, offset_of(3), layer.tree.root_hash.hex()});
  }
  CHECK_FALSE(verify(path, layer.tree.file_size.value, layer.tree.root_hash).empty());
  CHECK_FALSE(verify(path, crafted.size(), layer.tree.root_hash).empty());
}

TEST_CASE("a path that is no regular file is refused", "[verity]") {
  const TempDir dir = temp_dir();
  const RootHash any{Sha256{}};
  CHECK_FALSE(verify_layer_file(test::source_of(dir.path(), 8192, any)));
  CHECK_FALSE(verify_layer_file(test::source_of(dir.path() + "/none", 8192, any)));
  CHECK_FALSE(append_hash_tree(dir.path() + "/none"));
  test::run({"mkfifo", dir.path() + "/fifo"});
  CHECK_FALSE(verify_layer_file(test::source_of(dir.path() + "/fifo", 8192, any)));
  CHECK_FALSE(append_hash_tree(dir.path() + "/fifo"));
}

TEST_CASE("a reader of a device takes one of the signed size only, and asks nobody for hashes",
          "[verity]") {
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 300;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  const auto fd = sys::open(layer.path, O_RDONLY);
  REQUIRE(fd);
  const auto open = [&] { return VerifiedReader::open_device(fd->get(), layer.tree.file_size); };
  CHECK(open().error().code() == Errc::kVerity);  // with the tree behind the data
  REQUIRE(::truncate(layer.path.c_str(), static_cast<off_t>((kBlocks - 1) * kBlockSize)) == 0);
  CHECK(open().error().code() == Errc::kVerity);
  REQUIRE(::truncate(layer.path.c_str(), static_cast<off_t>(kBlocks * kBlockSize)) == 0);
  test::patch(layer.path,
              (kBlocks - 1) * kBlockSize,
              test::image_bytes(kBlocks).substr((kBlocks - 1) * kBlockSize));
  auto reader = open();
  REQUIRE(reader);
  CHECK(reader->data_size().value == kBlocks * kBlockSize);
  std::string buffer(kBlocks * kBlockSize, '\0');
  REQUIRE_FALSE(reader->read_blocks(0, std::as_writable_bytes(std::span(buffer))));
  CHECK(buffer == test::image_bytes(kBlocks));
  // What the device does not give is named by its block.
  REQUIRE(::truncate(layer.path.c_str(), static_cast<off_t>(200 * kBlockSize)) == 0);
  const auto fault =
      reader->read_blocks(190, std::as_writable_bytes(std::span(buffer)).first(20 * kBlockSize));
  REQUIRE(fault);
  CHECK(fault->block == 200);
  CHECK(fault->kind == BlockFault::Kind::kUnreadable);
}

TEST_CASE("the bad blocks of a layer's file are found, the first of them and in time", "[verity]") {
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 3000;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  const LayerSource source{layer.path,
                           layer.tree.file_size,
                           layer.tree.root_hash,
                           Digest::of("layer"),
                           Filesystem::kSquashfs};
  const auto find = [&](std::size_t most) {
    auto found = find_bad_blocks(source, most, Deadline::in(std::chrono::seconds(60)));
    REQUIRE(found);
    CHECK(found->complete);
    return found->blocks;
  };
  using Blocks = std::vector<std::uint64_t>;
  CHECK(find(16) == Blocks{});
  for (const std::uint64_t block : {2999U, 7U, 1500U, 1501U}) {
    test::flip_bit(layer.path, block * kBlockSize * 8 + 5);
  }
  CHECK(find(16) == Blocks{7, 1500, 1501, 2999});
  CHECK(find(3) == Blocks{7, 1500, 1501});
  const auto late = find_bad_blocks(source, 16, Deadline::in(std::chrono::milliseconds(0)));
  REQUIRE(late);
  CHECK_FALSE(late->complete);
  // Under a bad leaf nothing can be told from what was signed: 128 data blocks.
  const Geometry geometry = Geometry::of_data_blocks(kBlocks);
  test::flip_bit(layer.path, (geometry.levels[0].first_block + 1) * kBlockSize * 8);
  const Blocks below = find(16);
  CHECK(below.size() == 16);
  CHECK(below[0] == 7);
  CHECK(below[1] == 128);
  // Above that, of nothing.
  test::flip_bit(layer.path, geometry.levels.back().first_block * kBlockSize * 8);
  const auto none = find_bad_blocks(source, 16, Deadline::in(std::chrono::seconds(60)));
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kVerity);
}

TEST_CASE("a reader gives out the image's bytes and none of a bad block", "[verity]") {
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 3000;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  const std::string image = test::image_bytes(kBlocks);
  const auto fd = sys::open(layer.path, O_RDONLY);
  REQUIRE(fd);
  auto opened = VerifiedReader::open(fd->get(), layer.tree.file_size, layer.tree.root_hash);
  REQUIRE(opened);
  VerifiedReader reader = opened->fork();
  std::mt19937_64 random(7);
  std::string buffer(64 * kBlockSize, '\0');
  const auto read = [&](std::uint64_t first, std::uint64_t count) {
    return reader.read_blocks(first,
                              std::as_writable_bytes(std::span(buffer)).first(count * kBlockSize));
  };
  for (unsigned i = 0; i < 500; ++i) {
    const std::uint64_t first = random() % kBlocks;
    const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(64, kBlocks - first);
    REQUIRE_FALSE(read(first, count));
    REQUIRE(buffer.compare(0, count * kBlockSize, image, first * kBlockSize, count * kBlockSize) ==
            0);
  }
  // Changed after it was read well: it is checked again each time.
  test::flip_bit(layer.path, 1000 * kBlockSize * 8 + 5);
  const auto fault = read(990, 20);
  REQUIRE(fault);
  CHECK(fault->block == 1000);
  CHECK(fault->kind == BlockFault::Kind::kCorrupt);
  CHECK_FALSE(read(990, 10));
  CHECK_FALSE(read(1001, 10));
  // A hash block that was checked before may be kept, but a reader that meets the bad one refuses.
  const Geometry geometry = Geometry::of_data_blocks(kBlocks);
  test::flip_bit(layer.path, (geometry.levels[0].first_block + 23) * kBlockSize * 8);
  VerifiedReader fresh = opened->fork();
  BlockBytes block;
  CHECK(fresh.read_blocks(kBlocks - 1, block));
  CHECK_FALSE(fresh.read_blocks(0, block));
  // Cut while it is being read.
  test::run({"truncate", "-s", std::to_string(100 * kBlockSize + 7), layer.path});
  CHECK_FALSE(read(90, 10));
  const auto behind = read(95, 10);
  REQUIRE(behind);
  CHECK(behind->block == 100);
}

}  // namespace mosb::verity
