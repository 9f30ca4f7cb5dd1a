#include <array>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "tests/verity/data_fixture.h"
#include "verity/geometry.h"
#include "verity/little_endian.h"
#include "verity/root_hash.h"
#include "verity/squashfs_superblock.h"
#include "verity/superblock.h"

namespace mosb::verity {

namespace {

Superblock example() {
  Superblock superblock;
  superblock.data_blocks = 733;
  superblock.salt.fill(std::byte{0xab});
  superblock.uuid.fill(std::byte{0x11});
  return superblock;
}

/// The example with some bytes changed.
BlockBytes patched(std::size_t offset, const std::string& bytes) {
  BlockBytes block = example().print();
  std::ranges::copy(std::as_bytes(std::span(bytes)), block.begin() + static_cast<long>(offset));
  return block;
}

std::string refusal(const BlockBytes& block) {
  const auto parsed = Superblock::parse(block);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kVerity);
  return parsed.error().message();
}

}  // namespace

TEST_CASE("a verity superblock is read as it was written", "[verity]") {
  const auto parsed = Superblock::parse(example().print());
  REQUIRE(parsed);
  CHECK(*parsed == example());
}

TEST_CASE("a verity superblock with other parameters than ours is refused by field", "[verity]") {
  using namespace std::string_literals;
  CHECK(refusal(patched(0, "veritY")).find("signature") != std::string::npos);
  CHECK(refusal(patched(8, "\2"s)).find("version is 2") != std::string::npos);
  CHECK(refusal(patched(12, "\0"s)).find("hash type is 0") != std::string::npos);
  CHECK(refusal(patched(32, "sha1\0\0"s)).find("algorithm") != std::string::npos);
  CHECK(refusal(patched(32, std::string(32, 'A'))).find("algorithm") != std::string::npos);
  CHECK(refusal(patched(32, "crc32\0"s)).find("algorithm") != std::string::npos);
  CHECK(refusal(patched(38, "x")).find("algorithm") != std::string::npos);
  for (const std::uint32_t size : {512U, 1024U, 65536U, 3U, 0U}) {
    std::string text(4, '\0');
    store_le<std::uint32_t>(std::as_writable_bytes(std::span(text)), 0, size);
    CHECK(refusal(patched(64, text)).find("data block size is") != std::string::npos);
    CHECK(refusal(patched(68, text)).find("hash block size is") != std::string::npos);
  }
  CHECK(refusal(patched(80, "\0\0"s)).find("salt size is 0") != std::string::npos);
  CHECK(refusal(patched(80, "\x2c\x01"s)).find("salt size is 300") != std::string::npos);
  CHECK(refusal(patched(82, "x")).find("unused") != std::string::npos);
  CHECK(refusal(patched(88 + 32, "x")).find("unused") != std::string::npos);
  CHECK(refusal(patched(4095, "x")).find("unused") != std::string::npos);
}

TEST_CASE("a flipped bit of a verity superblock shows, whatever the bit", "[verity]") {
  const BlockBytes good = example().print();
  // All of the 512 bytes that have a meaning, some of the rest.
  for (std::size_t bit = 0; bit < good.size() * 8; bit += bit < 4096 ? 1 : 61) {
    BlockBytes bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto parsed = Superblock::parse(bad);
    if (parsed) {
      // The count is compared with the signed size, and a wrong salt gives wrong digests.
      CHECK(*parsed != example());
    }
  }
}

TEST_CASE("a layer's size says how many data blocks it has", "[verity]") {
  const std::array<std::array<std::uint64_t, 2>, 10> known{{{1, 2},
                                                            {2, 4},
                                                            {127, 129},
                                                            {128, 130},
                                                            {129, 133},
                                                            {733, 741},
                                                            {16384, 16514},
                                                            {16385, 16518},
                                                            {41844, 42176},
                                                            {2097152, 2113666}}};
  for (const auto& [data, file] : known) {
    INFO(data);
    const auto geometry = Geometry::of_layer_size(ByteCount{file * kBlockSize});
    REQUIRE(geometry);
    CHECK(geometry->data_blocks == data);
    CHECK(geometry->layer_size() == ByteCount{file * kBlockSize});
  }
}

TEST_CASE("no two numbers of data blocks have the same layer size", "[verity]") {
  std::set<std::uint64_t> sizes;
  constexpr std::uint64_t kMost = 20'000;
  for (std::uint64_t n = 1; n <= kMost; ++n) {
    const ByteCount size = Geometry::of_data_blocks(n).layer_size();
    sizes.insert(size.value);
    const auto back = Geometry::of_layer_size(size);
    REQUIRE(back);
    REQUIRE(back->data_blocks == n);
    REQUIRE(back->levels == Geometry::of_data_blocks(n).levels);
  }
  REQUIRE(sizes.size() == kMost);
  for (std::uint64_t size = 0; size < *sizes.rbegin(); size += kBlockSize) {
    REQUIRE(Geometry::of_layer_size(ByteCount{size}).has_value() == sizes.contains(size));
  }
}

TEST_CASE("a size that no layer has is refused", "[verity]") {
  for (const std::uint64_t size : {std::uint64_t{0},
                                   std::uint64_t{1},
                                   std::uint64_t{4096},
                                   std::uint64_t{3 * 4096},
                                   std::uint64_t{8191},
                                   std::uint64_t{8193},
                                   kMaxLayerSize.value + 4096,
                                   UINT64_MAX}) {
    INFO(size);
    const auto geometry = Geometry::of_layer_size(ByteCount{size});
    REQUIRE_FALSE(geometry);
    CHECK(geometry.error().code() == Errc::kVerity);
  }
}

TEST_CASE("hash levels lie behind the superblock, the root's first, without gaps", "[verity]") {
  const Geometry geometry = Geometry::of_data_blocks(16385);
  REQUIRE(geometry.levels.size() == 3);
  CHECK(geometry.superblock_block() == 16385);
  CHECK(geometry.levels[2] == TreeLevel{.first_block = 16386, .blocks = 1});
  CHECK(geometry.levels[1] == TreeLevel{.first_block = 16387, .blocks = 2});
  CHECK(geometry.levels[0] == TreeLevel{.first_block = 16389, .blocks = 129});
  CHECK(Geometry::of_data_blocks(1).levels.empty());
}

TEST_CASE("only a squashfs 4.0 superblock is taken for one", "[verity]") {
  const std::string good = test::image_bytes(1);
  const auto parse = [](const std::string& bytes) {
    return SquashfsSuperblock::parse(std::as_bytes(std::span(bytes)));
  };
  REQUIRE(parse(good));
  CHECK(parse(good)->bytes_used == ByteCount{4096 - 100});
  CHECK(parse(good)->block_size == 131072);
  const auto refused = [&](std::size_t offset, const std::string& bytes) {
    std::string bad = good;
    bad.replace(offset, bytes.size(), bytes);
    const auto parsed = parse(bad);
    return !parsed && parsed.error().code() == Errc::kVerity;
  };
  using namespace std::string_literals;
  CHECK(refused(0, "sqsh"));
  CHECK(refused(28, "\3"));
  CHECK(refused(30, "\1"));
  CHECK(refused(22, "\x10"));
  CHECK(refused(22, "\x16"));
  CHECK(refused(12, "\0\0\0\0"s));
  CHECK(refused(40, "\x10\0\0\0\0\0\0\0"s));
  CHECK_FALSE(parse(good.substr(0, 95)));
  CHECK_FALSE(parse(""));
}

TEST_CASE("a squashfs image must end in the last data block", "[verity]") {
  const auto check = [](std::uint64_t used, std::uint64_t size) {
    SquashfsSuperblock superblock;
    superblock.bytes_used = ByteCount{used};
    return check_squashfs_fills(superblock, ByteCount{size}).has_value();
  };
  CHECK(check(4096, 4096));
  CHECK(check(4097, 8192));
  CHECK(check(8192, 8192));
  CHECK_FALSE(check(4096, 8192));
  CHECK_FALSE(check(8193, 8192));
  CHECK_FALSE(check(UINT64_MAX, 8192));
}

TEST_CASE("a root hash is 64 lower-case hex digits", "[verity]") {
  const std::string good(64, 'a');
  REQUIRE(RootHash::parse(good));
  CHECK(RootHash::parse(good)->hex() == good);
  for (const std::string& bad : {std::string(),
                                 std::string(63, 'a'),
                                 std::string(65, 'a'),
                                 std::string(64, 'A'),
                                 std::string(64, 'g'),
                                 "sha256:" + good,
                                 good + "\n"}) {
    const auto parsed = RootHash::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kVerity);
  }
}

}  // namespace mosb::verity
