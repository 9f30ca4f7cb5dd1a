#include "verity/erofs_superblock.h"

#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "tests/verity/data_fixture.h"
#include "verity/block.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

constexpr std::size_t kAt = ErofsSuperblock::kOffset;

/// An image that mkfs.erofs makes of a small tree.
std::string make_image(const std::vector<std::string>& options) {
  const TempDir dir = must(TempDir::make(test::scratch_parent(), "mosb-erofs-"));
  const std::string tree = dir.path() + "/tree";
  test::run({"mkdir", tree});
  test::write_all(tree + "/text", std::string(50'000, 'a') + "b");
  test::write_all(tree + "/noise", test::image_bytes(40));
  std::vector<std::string> argv{"mkfs.erofs", "--quiet", "-T0"};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {dir.path() + "/image", tree});
  test::run(argv);
  return test::read_all(dir.path() + "/image");
}

Result<ErofsSuperblock> parse(const std::string& image) {
  return ErofsSuperblock::parse(
      std::as_bytes(std::span(image)).first(std::min<std::size_t>(image.size(), kBlockSize)));
}

/// As an attacker would have it: without the flag for a checksum.
std::string without_checksum(std::string image) {
  image[kAt + 8] = static_cast<char>(image[kAt + 8] & ~1);
  return image;
}

std::string refusal(std::string image, std::size_t offset, const std::string& bytes) {
  image.replace(kAt + offset, bytes.size(), bytes);
  const auto parsed = parse(image);
  if (parsed) {
    return "";
  }
  CHECK(parsed.error().code() == Errc::kVerity);
  return parsed.error().message();
}

}  // namespace

TEST_CASE("every kind of image that mkfs.erofs makes is read, and ends where it says", "[verity]") {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{},
                                             {"-zlz4"},
                                             {"-zlz4hc,12"},
                                             {"-zlz4hc", "-C65536"},
                                             {"-zlz4hc", "-Eztailpacking"},
                                             {"-zlz4hc", "-Elegacy-compress"},
                                             {"-Enoinline_data"},
                                             {"-Eforce-inode-extended"},
                                             {"--chunksize=8192"},
                                             {"--chunksize=4096", "-Eforce-chunk-indexes"}}) {
    INFO(Catch::Detail::stringify(options));
    const std::string image = make_image(options);
    const ErofsSuperblock superblock = must(parse(image));
    CHECK(check_erofs_fills(superblock, ByteCount{image.size()}));
  }
}

TEST_CASE("an erofs superblock of a form that cannot be mounted everywhere is refused",
          "[verity]") {
  using namespace std::string_literals;
  const std::string good = without_checksum(make_image({"-zlz4hc"}));
  REQUIRE(parse(good));
  CHECK_THAT(refusal(good, 0, "\xe3"), Catch::Contains("magic"));
  CHECK_THAT(refusal(good, 12, "\x09"), Catch::Contains("2^9 bytes"));
  CHECK_THAT(refusal(good, 12, "\x0e"), Catch::Contains("2^14 bytes"));
  CHECK_THAT(refusal(good, 12, "\xff"), Catch::Contains("2^255 bytes"));
  CHECK_THAT(refusal(good, 90, "\x01"), Catch::Contains("directory blocks"));
  CHECK_THAT(refusal(good, 86, "\x01"), Catch::Contains("1 other devices"));
  CHECK_THAT(refusal(good, 86, "\xff\xff"), Catch::Contains("65535 other devices"));
  // A device table or a second compression, 48-bit addresses, a box of metadata, and the unknown.
  CHECK_THAT(refusal(good, 80, "\x09"), Catch::Contains("features 0x8 "));
  CHECK_THAT(refusal(good, 80, "\x81"), Catch::Contains("features 0x80 "));
  CHECK_THAT(refusal(good, 80, "\x01\x01"), Catch::Contains("features 0x100 "));
  CHECK_THAT(refusal(good, 80, "\0\0\0\x80"s), Catch::Contains("features 0x80000000 "));
  for (const std::size_t size : {std::size_t{0}, kAt, kAt + 128, kBlockSize - 1}) {
    CHECK_FALSE(parse(good.substr(0, size)));
  }
}

TEST_CASE("an image of mkfs.erofs whose data is on another device is refused", "[verity]") {
  const TempDir dir = must(TempDir::make(test::scratch_parent(), "mosb-erofs-"));
  const std::string image = make_image({"--chunksize=4096", "--blobdev=" + dir.path() + "/other"});
  const auto parsed = parse(image);
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message(), Catch::Contains("other devices"));
}

TEST_CASE("a bit that flips in an erofs superblock with a checksum is noticed", "[verity]") {
  const std::string good = make_image({});
  REQUIRE(parse(good));
  for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
    INFO(bit);
    std::string bad = good;
    bad[kAt + bit / 8] = static_cast<char>(bad[kAt + bit / 8] ^ (1 << (bit % 8)));
    // The flag itself: without it there is no checksum to compare.
    CHECK(parse(bad).has_value() == (bit == 8 * 8));
  }
}

TEST_CASE("an erofs image must have exactly the data's blocks", "[verity]") {
  const auto check = [](std::uint32_t blocks, std::uint64_t size) {
    ErofsSuperblock superblock;
    superblock.blocks = blocks;
    return check_erofs_fills(superblock, ByteCount{size}).has_value();
  };
  CHECK(check(1, 4096));
  CHECK(check(0xffffffff, 0xffffffffULL * 4096));
  CHECK_FALSE(check(1, 8192));
  CHECK_FALSE(check(3, 8192));
  CHECK_FALSE(check(0, 4096));
  CHECK_FALSE(check(0xffffffff, 4096));
}
