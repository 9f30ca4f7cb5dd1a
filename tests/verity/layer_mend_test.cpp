// Layers whose bad blocks are put right in place, with the bytes that a good copy has.
#include "verity/layer_mend.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "tests/verity/data_fixture.h"
#include "verity/geometry.h"

namespace mosb::verity {

namespace {

/// A layer with a tree of three levels, a good copy of it, and what was asked of that.
class MendFixture {
 public:
  MendFixture()
      : dir_(must(TempDir::make(test::scratch_parent(), "mosb-mend-"))),
        layer_(test::make_layer(dir_.path() + "/layer", 20'000)),
        good_(test::read_all(layer_.path)),
        geometry_(must(Geometry::of_layer_size(layer_.tree.file_size))) {
    REQUIRE(geometry_.levels.size() == 3);
  }

  Result<MendedLayer> mend(const std::string& source) {
    return mend_layer_file(layer_.path,
                           layer_.tree.file_size,
                           layer_.tree.root_hash,
                           [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
                             asked_.push_back(offset / kBlockSize);
                             if (asked_.size() > answers_) {
                               return Error(Errc::kNetwork, "the line is cut");
                             }
                             std::ranges::copy(
                                 std::as_bytes(std::span(source)).subspan(offset, out.size()),
                                 out.begin());
                             return ok();
                           });
  }
  Result<MendedLayer> mend() { return mend(good_); }
  void spoil(std::uint64_t block, std::size_t byte = 100) const {
    test::flip_bit(layer_.path, (block * kBlockSize + byte) * 8);
  }
  bool is_whole() const { return test::read_all(layer_.path) == good_; }
  std::uint64_t leaf() const { return geometry_.levels[0].first_block; }
  std::uint64_t middle() const { return geometry_.levels[1].first_block; }
  std::uint64_t top() const { return geometry_.levels[2].first_block; }

 protected:
  TempDir dir_;
  test::MadeLayer layer_;
  std::string good_;
  Geometry geometry_;
  std::vector<std::uint64_t> asked_;
  std::size_t answers_ = SIZE_MAX;
};

}  // namespace

TEST_CASE_METHOD(MendFixture, "of a good layer nothing is fetched or written", "[mend]") {
  const MendedLayer mended = must(mend());
  CHECK(mended.blocks == 0);
  CHECK(mended.fetched == ByteCount{0});
  CHECK(asked_.empty());
}

TEST_CASE_METHOD(MendFixture,
                 "bad blocks of every kind are put right, and only they are fetched",
                 "[mend]") {
  const std::vector<std::vector<std::uint64_t>> damages{{0},
                                                        {7},
                                                        {19'999},
                                                        {leaf()},
                                                        {leaf() + 156},
                                                        {middle()},
                                                        {middle() + 1},
                                                        {top()},
                                                        {5, 6, 7},
                                                        {5, 7, 300},
                                                        {leaf(), 3},
                                                        {top(), middle(), leaf() + 3, 400},
                                                        {geometry_.superblock_block()},
                                                        {geometry_.superblock_block(), top()}};
  for (const auto& blocks : damages) {
    asked_.clear();
    for (const std::uint64_t block : blocks) {
      spoil(block);
    }
    REQUIRE_FALSE(is_whole());
    const MendedLayer mended = must(mend());
    CHECK(is_whole());
    CHECK(mended.blocks == blocks.size());
    // Of a bad salt or topmost block both are fetched: which of them it is shows only then.
    CHECK(mended.fetched.value <= (blocks.size() + 1) * kBlockSize);
    CHECK(verify_layer_file(
        test::source_of(layer_.path, layer_.tree.file_size.value, layer_.tree.root_hash)));
  }
}

TEST_CASE_METHOD(MendFixture, "blocks that lie together are asked for at once", "[mend]") {
  for (const std::uint64_t block : {9U, 10U, 11U, 60U}) {
    spoil(block);
  }
  CHECK(must(mend()).blocks == 4);
  CHECK(asked_ == std::vector<std::uint64_t>{9, 60});
}

TEST_CASE_METHOD(MendFixture, "a layer of a single block is mended, too", "[mend]") {
  const test::MadeLayer one = test::make_layer(dir_.path() + "/one", 1);
  const std::string bytes = test::read_all(one.path);
  test::flip_bit(one.path, 1000 * 8);
  CHECK(must(mend_layer_file(one.path,
                             one.tree.file_size,
                             one.tree.root_hash,
                             [&](std::uint64_t offset, std::span<std::byte> out) -> Status {
                               std::ranges::copy(
                                   std::as_bytes(std::span(bytes)).subspan(offset, out.size()),
                                   out.begin());
                               return ok();
                             }))
            .blocks == 1);
  CHECK(test::read_all(one.path) == bytes);
}

TEST_CASE_METHOD(MendFixture,
                 "wrong bytes are never written, whatever block they are for",
                 "[mend]") {
  std::string lies = good_;
  for (std::size_t i = 0; i < lies.size(); i += kBlockSize) {
    lies[i + 50] = static_cast<char>(lies[i + 50] ^ 1);
  }
  for (const std::uint64_t block : {std::uint64_t{0},
                                    std::uint64_t{7},
                                    leaf(),
                                    middle(),
                                    top(),
                                    geometry_.superblock_block()}) {
    spoil(block);
    const std::string before = test::read_all(layer_.path);
    const auto mended = mend(lies);
    REQUIRE_FALSE(mended);
    CHECK(mended.error().code() == Errc::kVerity);
    CHECK(test::read_all(layer_.path) == before);
    must(mend());
  }
}

TEST_CASE_METHOD(MendFixture, "wherever it ends, each block is the old one or right", "[mend]") {
  const std::vector<std::uint64_t> blocks{3, 500, 9000, 19'000, leaf() + 5, middle()};
  for (std::size_t answers = 0; answers <= blocks.size(); ++answers) {
    for (const std::uint64_t block : blocks) {
      spoil(block);
    }
    const std::string before = test::read_all(layer_.path);
    asked_.clear();
    answers_ = answers;
    const auto mended = mend();
    CHECK(mended.has_value() == (answers == blocks.size()));
    CHECK((mended || mended.error().code() == Errc::kNetwork));
    const std::string after = test::read_all(layer_.path);
    std::size_t right = 0;
    for (const std::uint64_t block : blocks) {
      const std::size_t at = block * kBlockSize;
      const bool is_right = after.compare(at, kBlockSize, good_, at, kBlockSize) == 0;
      CHECK((is_right || after.compare(at, kBlockSize, before, at, kBlockSize) == 0));
      right += is_right ? 1U : 0U;
    }
    CHECK(right == answers);
    answers_ = SIZE_MAX;
    must(mend());
    CHECK(is_whole());
  }
}

TEST_CASE_METHOD(MendFixture, "a layer that is bad all over is not mended", "[mend]") {
  SECTION("in too many places") {
    for (std::uint64_t block = 0; block <= 2 * kMaxMendedRuns; block += 2) {
      spoil(block);
    }
  }
  SECTION("in too much of it") {
    for (std::uint64_t block = 0; block < 6000; ++block) {
      spoil(block);
    }
  }
  const auto mended = mend();
  REQUIRE_FALSE(mended);
  CHECK(mended.error().message().find("too much of it") != std::string::npos);
}

TEST_CASE_METHOD(MendFixture, "a file of another size, or none, is not mended", "[mend]") {
  test::run({"truncate", "-s", "-4096", layer_.path});
  CHECK(mend().error().code() == Errc::kVerity);
  std::string path = layer_.path;
  layer_.path = dir_.path();
  CHECK_FALSE(mend());
  CHECK(asked_.empty());
}

}  // namespace mosb::verity
