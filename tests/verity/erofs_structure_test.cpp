// Which structures of an erofs image the scan refuses: images of mkfs.erofs, changed so that no
// tool makes them.
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "tests/verity/erofs_scan_fixture.h"
#include "verity/erofs_scan.h"
#include "verity/layer_filesystem.h"

namespace mosb::verity {

using namespace test;
using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Words = std::vector<std::uint16_t>;

// Offsets in an inode: form, units of attributes, mode, links, size, data.
constexpr std::uint64_t kForm = 0;
constexpr std::uint64_t kAttributes = 2;
constexpr std::uint64_t kMode = 4;
constexpr std::uint64_t kLinks = 6;
constexpr std::uint64_t kSize = 8;
constexpr std::uint64_t kData = 16;
// In an entry of a directory.
constexpr std::uint64_t kNameOffset = 8;
constexpr std::uint64_t kKind = 10;
// In the superblock.
constexpr std::uint64_t kRoot = ErofsImage::kSuperblock + 14;
constexpr std::uint64_t kInodesBlock = ErofsImage::kSuperblock + 40;
constexpr std::uint64_t kAttributesBlock = ErofsImage::kSuperblock + 44;
constexpr std::uint64_t kFeatures = ErofsImage::kSuperblock + 80;
constexpr std::uint64_t kPrefixes = ErofsImage::kSuperblock + 91;
constexpr std::uint64_t kPrefixesPlace = ErofsImage::kSuperblock + 92;
constexpr std::uint64_t kPackedInode = ErofsImage::kSuperblock + 96;

}  // namespace

TEST_CASE_METHOD(ErofsScanFixture, "names of an erofs image that are none are refused", "[scan]") {
  directory("in");
  file("in/q");
  file("in/zz");
  file("in/zzzname");
  const ErofsImage good = make();
  REQUIRE(refusal(good).empty());
  // '.', '..', q, zz, zzzname
  const auto renamed = [&](unsigned index, const std::string& to) {
    ErofsImage image = good;
    image.write(image.name("/in", index), to);
    return refusal(image);
  };
  CHECK(has(renamed(4, "zzz/ame"), "is none"));
  CHECK(has(renamed(4, "zzz/ame"), "'/in"));
  CHECK(has(renamed(3, std::string("z\0", 2)), "is none"));
  CHECK_FALSE(renamed(4, std::string("\0", 1)).empty());
  // Where the first name ends the second begins: nothing is left of it.
  const std::uint64_t offset = good.entry("/in", 2) + kNameOffset;
  CHECK_FALSE(refusal_with(good, offset, good.get<std::uint16_t>(offset + 12)).empty());
}

TEST_CASE_METHOD(ErofsScanFixture, "a name of an erofs image has at most 255 bytes", "[scan]") {
  // mkfs.erofs makes 254 at most. As the last name of its directory it can become longer.
  file(std::string(254, 'n'));
  test::write_all(tree() + "/data", test::image_bytes(1));
  ErofsImage image = make();
  const std::uint64_t size = image.inode("/") + kSize;
  const auto end = image.get<std::uint32_t>(size);
  // The directory into the place of the file's block.
  const std::uint64_t block = image.get<std::uint32_t>(image.inode("/data") + kData);
  image.write(block * kBlockSize, image.bytes().substr(image.tail("/"), end) + "nn");
  image.write(block * kBlockSize + end + 2, std::string(1, '\0'));
  image.set<std::uint16_t>(image.inode("/"), 0);
  image.set(image.inode("/") + kData, static_cast<std::uint32_t>(block));
  CHECK(refusal_with<std::uint32_t>(image, size, end).empty());
  CHECK(refusal_with<std::uint32_t>(image, size, end + 1).empty());
  CHECK(has(refusal_with<std::uint32_t>(image, size, end + 2), "is none"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "names of an erofs image that stand twice or out of order are refused",
                 "[scan]") {
  file("dupa");
  file("dupb");
  const ErofsImage good = make();
  for (const char* const to : {"dupa", "aaaa", "!!!!"}) {
    ErofsImage image = good;
    image.write(image.name("/", 3), to);
    CHECK(has(refusal(image), "not in order"));
  }
}

TEST_CASE_METHOD(
    ErofsScanFixture,
    "a name of an erofs image that stands before the last of the block before is refused",
    "[scan]") {
  for (unsigned i = 100; i < 400; ++i) {
    file("some-name-" + std::to_string(i));
  }
  ErofsImage image = make();
  REQUIRE(refusal(image).empty());
  // The first name of the second block; only its neighbours in the block stand behind it.
  const std::uint64_t name = image.name("/", 0);
  REQUIRE(image.bytes().substr(name, 10) == "some-name-");
  image.write(name, "some-name-0");
  CHECK(has(refusal(image), "not in order"));
}

TEST_CASE_METHOD(
    ErofsScanFixture,
    "directories of an erofs image with two names, and such in themselves, are refused",
    "[scan]") {
  directory("outer/inner");
  directory("other");
  const ErofsImage good = make();
  // In the root are '.', '..', other and outer; in outer '.', '..' and inner.
  CHECK(has(refusal_with(good, good.entry("/", 2), good.number("/outer")), "two names"));
  CHECK(has(refusal_with(good, good.entry("/outer", 2), good.number("/outer")), "two names"));
  CHECK(has(refusal_with(good, good.entry("/outer", 2), good.number("/")), "two names"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "a directory of an erofs image whose . or .. is wrong or not there is refused",
                 "[scan]") {
  directory("outer/inner");
  directory("other");
  const ErofsImage good = make();
  REQUIRE(refusal(good).empty());
  CHECK(has(refusal_with(good, good.entry("/outer", 0), good.number("/other")), "elsewhere"));
  CHECK(has(refusal_with(good, good.entry("/outer", 1), good.number("/other")), "elsewhere"));
  CHECK(has(refusal_with(good, good.entry("/", 1), good.number("/other")), "elsewhere"));
  CHECK(has(refusal_with<std::uint8_t>(good, good.entry("/outer", 1) + kKind, 1), "elsewhere"));
  ErofsImage image = good;
  // "-", ".." and inner
  image.write(image.entry("/outer", 0) + 36, "-");
  CHECK(has(refusal(image), "two names"));
  CHECK(has(refusal_with<std::uint32_t>(good, good.inode("/outer/inner") + kSize, 0), "lacks"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "inodes and entries of an erofs image that contradict each other are refused",
                 "[scan]") {
  file("file");
  directory("dir");
  const ErofsImage good = make();
  // '.', '..', dir, file
  const std::uint64_t entry = good.entry("/", 3);
  REQUIRE(good.get<std::uint64_t>(entry) == good.number("/file"));
  for (const std::uint8_t kind : Bytes{2, 3, 7}) {
    CHECK(has(refusal_with(good, entry + kKind, kind), "something else"));
  }
  for (const std::uint8_t kind : Bytes{0, 8, 255}) {
    CHECK(has(refusal_with(good, entry + kKind, kind), "no kind"));
  }
  for (const std::uint64_t place : {std::uint64_t{1} << 40,
                                    UINT64_MAX,
                                    std::uint64_t{1} << 59,
                                    std::uint64_t{good.bytes().size() / 32}}) {
    CHECK(has(refusal_with(good, entry, place), "does not lie in the image"));
  }
  CHECK(has(refusal_with<std::uint16_t>(good, good.inode("/file") + kMode, 0644), "no kind"));
  CHECK(has(refusal_with<std::uint16_t>(good, good.inode("/file") + kMode, 0170644), "no kind"));
  CHECK(has(refusal_with<std::uint16_t>(good, good.inode("/") + kMode, 0100644), "no directory"));
  CHECK(has(refusal_with<std::uint16_t>(good, good.inode("/file") + kLinks, 0), "no links"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "forms of erofs inodes that are not known are refused",
                 "[scan]") {
  file("file");
  directory("dir");
  REQUIRE(::symlink("target", (tree() + "/link").c_str()) == 0);
  const ErofsImage good = make();
  const std::uint64_t inode = good.inode("/file") + kForm;
  REQUIRE(good.get<std::uint16_t>(inode) == 4);
  // Layouts 5 to 7, then bits that have no meaning yet.
  for (const std::uint16_t form : Words{10, 12, 14, 0x14, 0x104, 0x8004}) {
    CHECK(has(refusal_with(good, inode, form), "form that is not known"));
  }
  // Compressed, with either index, and chunks.
  for (const std::uint16_t form : Words{2, 6, 8}) {
    CHECK(has(refusal_with(good, good.inode("/dir") + kForm, form), "directory is compressed"));
    CHECK(has(refusal_with(good, good.inode("/link") + kForm, form), "symlink is compressed"));
  }
  // An extended inode that would end behind the image.
  ErofsImage image = good;
  const std::uint64_t last = image.bytes().size() - 32;
  image.set<std::uint16_t>(last, 5);
  image.set<std::uint16_t>(last + kMode, 0100644);
  image.set<std::uint64_t>(image.entry("/", 3), last / 32);
  CHECK(has(refusal(image), "does not lie in the image"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "data that does not lie in the erofs image is refused",
                 "[scan]") {
  test::write_all(tree() + "/flat", test::image_bytes(3));
  test::write_all(tree() + "/tail", test::image_bytes(3) + "end");
  SECTION("in whole blocks") {
    const ErofsImage good = make();
    REQUIRE(refusal(good).empty());
    const auto blocks = static_cast<std::uint32_t>(good.bytes().size() / kBlockSize);
    const std::uint64_t flat = good.inode("/flat");
    REQUIRE(good.get<std::uint16_t>(flat) == 0);
    for (const std::uint32_t first : {blocks - 2, blocks, UINT32_MAX}) {
      CHECK(has(refusal_with(good, flat + kData, first), "data does not lie in the image"));
      CHECK(has(refusal_with(good, good.inode("/tail") + kData, first), "does not lie in"));
    }
    CHECK(refusal_with(good, flat + kData, blocks - 3).empty());
    CHECK(has(refusal_with(good, flat + kSize, UINT32_MAX), "data does not lie in the image"));
    // An end that goes beyond the block of its inode.
    CHECK(has(refusal_with<std::uint32_t>(good, good.inode("/tail") + kSize, 4 * kBlockSize),
              "in one block"));
  }
  SECTION("of a directory") {
    for (unsigned i = 0; i < 300; ++i) {
      file("some-name-" + std::to_string(i));
    }
    const ErofsImage good = make();
    CHECK(has(refusal_with(good, good.inode("/") + kData, UINT32_MAX), "does not lie in"));
    CHECK_FALSE(refusal_with<std::uint32_t>(good, good.inode("/") + kData, 0).empty());
  }
  SECTION("in chunks") {
    for (const std::string indexes : {"", "-Eforce-chunk-indexes"}) {
      std::vector<std::string> options{"--chunksize=4096"};
      if (!indexes.empty()) {
        options.push_back(indexes);
      }
      const ErofsImage good = make(options);
      REQUIRE(refusal(good).empty());
      const auto blocks = static_cast<std::uint32_t>(good.bytes().size() / kBlockSize);
      const std::uint64_t unit = indexes.empty() ? 4 : 8;
      const std::uint64_t map = (good.tail("/flat") + unit - 1) / unit * unit;
      const std::uint64_t block = map + unit + (unit - 4);
      CHECK(refusal_with(good, block, UINT32_MAX).empty());
      CHECK(refusal_with(good, block, blocks - 1).empty());
      CHECK(has(refusal_with(good, block, blocks), "does not lie in the image"));
      CHECK(has(refusal_with(good, block, UINT32_MAX - 1), "does not lie in the image"));
      CHECK(has(refusal_with<std::uint32_t>(good, good.inode("/flat") + kSize, UINT32_MAX),
                "does not lie in the image"));
      const std::uint64_t form = good.inode("/flat") + kData;
      for (const std::uint16_t bits : Words{0x40, 0x80, 0x8000}) {
        CHECK(has(refusal_with(good, form, bits), "chunks have a form"));
      }
      if (unit == 8) {
        CHECK(has(refusal_with<std::uint16_t>(good, map + 2, 1), "another device"));
      }
    }
  }
  SECTION("the map of a compressed file") {
    test::write_all(tree() + "/text", std::string(100'000, 'a'));
    ErofsImage image = make({"-zlz4hc"});
    REQUIRE(refusal(image).empty());
    const std::uint64_t last = image.bytes().size() - 32;
    image.write(last, image.bytes().substr(image.inode("/text"), 32));
    // '.', '..', flat, tail, text
    image.set<std::uint64_t>(image.entry("/", 4), last / 32);
    CHECK(has(refusal(image), "does not lie in the image"));
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "entries and names of an erofs directory that lie across each other are refused",
                 "[scan]") {
  directory("dir");
  file("dir/a");
  file("dir/b");
  const ErofsImage good = make();
  const std::string broken = "don't lie as they should";
  const std::uint64_t first = good.entry("/dir", 0) + kNameOffset;
  REQUIRE(good.get<std::uint16_t>(first) == 48);
  for (const std::uint16_t offset : Words{0, 11, 13, 47, 60, 4092, 0xffff}) {
    CHECK(has(refusal_with(good, first, offset), broken));
  }
  for (const std::uint16_t offset : Words{0, 10, 48, 60, 0xffff}) {
    CHECK(has(refusal_with(good, first + 12, offset), broken));
  }
  for (const std::uint32_t size : {1U, 11U, 47U, 48U, 50U}) {
    CHECK(has(refusal_with(good, good.inode("/dir") + kSize, size), broken));
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "attributes of an erofs image that lie elsewhere, are none or twice are refused",
                 "[scan]") {
  for (const char* const name : {"file1", "file2", "file3"}) {
    file(name);
    attribute(tree() + "/" + name, "user.shared", "the same");
  }
  attribute(tree() + "/file1", "user.first", "value");
  attribute(tree() + "/file1", "user.other", "value");
  // Attributes that three files have are in a place for all.
  const ErofsImage good = make({"-x2"});
  REQUIRE(refusal(good).empty());
  const std::uint64_t inode = good.inode("/file1");
  const std::uint64_t head = inode + 32;
  REQUIRE(good.get<std::uint8_t>(head + 4) == 1);
  const std::uint64_t own = head + 16;
  REQUIRE(good.get<std::uint8_t>(own) == 5);
  REQUIRE(good.get<std::uint8_t>(own + 1) == 1);
  const std::string outside = "attributes don't lie where they should";
  SECTION("those of an inode") {
    for (const std::uint16_t units : Words{1, 3, 4}) {
      CHECK(has(refusal_with(good, inode + kAttributes, units), outside));
    }
    CHECK_FALSE(refusal_with<std::uint16_t>(good, inode + kAttributes, 0xffff).empty());
    CHECK(has(refusal_with<std::uint16_t>(good, own + 2, 100), outside));
    CHECK(has(refusal_with<std::uint16_t>(good, own + 2, 0xffff), outside));
    for (const std::uint8_t index : Bytes{0, 7, 127, 128, 255}) {
      CHECK(has(refusal_with(good, own + 1, index), "no known prefix"));
    }
    CHECK(has(refusal_with<std::uint8_t>(good, own + 4, 0), "NUL"));
    ErofsImage image = good;
    // One of the two, whichever comes first.
    const bool other_first = image.bytes().compare(own + 4, 5, "other") == 0;
    image.write(own + 4, other_first ? "first" : "other");
    CHECK(has(refusal(image), "there twice"));
  }
  SECTION("those of several inodes") {
    for (const std::uint8_t count : Bytes{16, 255}) {
      CHECK(has(refusal_with(good, head + 4, count), outside));
    }
    CHECK(has(refusal_with<std::uint32_t>(good, head + 12, UINT32_MAX), outside));
    CHECK(has(refusal_with<std::uint32_t>(good, kAttributesBlock, UINT32_MAX), outside));
    const auto end = static_cast<std::uint32_t>(good.bytes().size() / kBlockSize);
    CHECK(has(refusal_with(good, kAttributesBlock, end), outside));
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "what an erofs image puts before attribute names is looked at, or refused",
                 "[scan]") {
  directory("dir");
  attribute(tree() + "/dir", "user.redirect", "/etc");
  // A file whose bytes are prefixes: "trusted." and "overlay.", padded, and "user." and nothing.
  test::write_all(tree() + "/prefixes",
                  std::string("\x09\0\4overlay.\0\1\0\1\0", 16) + std::string(kBlockSize, 'x'));
  ErofsImage image = make({"-Enoinline_data"});
  REQUIRE(refusal(image).empty());
  const std::uint64_t place = image.find("overlay.") - 3;
  const std::uint64_t index = image.inode("/dir") + 32 + 12 + 1;
  REQUIRE(image.get<std::uint8_t>(index) == 1);
  image.set<std::uint32_t>(kFeatures, 0x40);
  image.set<std::uint8_t>(kPrefixes, 2);
  image.set<std::uint32_t>(kPrefixesPlace, static_cast<std::uint32_t>(place / 4));
  CHECK(refusal(image).empty());
  CHECK(refusal_with<std::uint8_t>(image, index, 0x81).empty());
  CHECK(has(refusal_with<std::uint8_t>(image, index, 0x80), "trusted.overlay.redirect"));
  CHECK(has(refusal_with<std::uint8_t>(image, index, 0x82), "no known prefix"));
  CHECK(has(refusal_with<std::uint32_t>(image, kFeatures, 0), "not every kernel"));
  CHECK(has(refusal_with<std::uint32_t>(image, kFeatures, 0x60), "may be compressed"));
  CHECK(has(refusal_with<std::uint32_t>(image, kPrefixesPlace, UINT32_MAX), "prefixes"));
  CHECK(has(refusal_with<std::uint16_t>(image, place, 0), "is none"));
  CHECK(has(refusal_with<std::uint16_t>(image, place, 257), "is none"));
  CHECK(has(refusal_with<std::uint8_t>(image, place + 2, 0), "is none"));
  CHECK(has(refusal_with<std::uint8_t>(image, place + 2, 7), "is none"));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "the inodes that an erofs superblock names must be there, and be what they should",
                 "[scan]") {
  file("file");
  const ErofsImage good = make();
  CHECK(has(refusal_with(good, kRoot, static_cast<std::uint16_t>(good.number("/file"))),
            "no directory"));
  CHECK(has(refusal_with<std::uint16_t>(good, kRoot, 0xffff), "does not lie in the image"));
  CHECK(has(refusal_with<std::uint32_t>(good, kInodesBlock, UINT32_MAX), "does not lie in"));
  ErofsImage image = good;
  image.set<std::uint32_t>(kFeatures, 0x20);
  CHECK(refusal(image).empty());
  CHECK(refusal_with(image, kPackedInode, good.number("/file")).empty());
  CHECK(has(refusal_with(image, kPackedInode, good.number("/")), "is no file"));
  CHECK(has(refusal_with(image, kPackedInode, UINT64_MAX), "does not lie in the image"));
}

TEST_CASE_METHOD(
    ErofsScanFixture,
    "a broken structure of an erofs image is refused, at any of its bytes in bounded time",
    "[scan]") {
  directory("dir/sub");
  file("dir/file");
  REQUIRE(::symlink("x", (tree() + "/link").c_str()) == 0);
  attribute(tree() + "/dir/file", "user.name", "value");
  const ErofsImage good = make();
  REQUIRE(good.bytes().size() == kBlockSize);
  unsigned refused = 0;
  for (std::uint64_t at = ErofsImage::kSuperblock; at < ErofsImage::kSuperblock + 1024; ++at) {
    ErofsImage image = good;
    image.set<std::uint8_t>(at, static_cast<std::uint8_t>(image.get<std::uint8_t>(at) ^ 0xffU));
    // What is wrong in the superblock shows before a hash tree is made.
    if (!identify_filesystem(std::as_bytes(std::span(image.bytes())), ByteCount{kBlockSize})) {
      ++refused;
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    refused += refusal(image).empty() ? 0U : 1U;
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
  }
  // What is left are times, owners, modes, contents of attributes and files.
  CHECK(refused > 150);
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "a block of an erofs layer that is not what was signed is refused",
                 "[scan]") {
  for (unsigned i = 0; i < 300; ++i) {
    file("some-name-" + std::to_string(i));
  }
  const ErofsImage image = make();
  const LayerSource layer = ScanFixture::layer(image);
  const std::uint64_t block = image.get<std::uint32_t>(image.inode("/") + kData);
  test::flip_bit(layer.blob_path, block * kBlockSize * 8 + 100);
  const auto scanned = scan_layer(layer, scanner());
  REQUIRE_FALSE(scanned);
  CHECK(scanned.error().code() == Errc::kVerity);
  CHECK(has(scanned.error().message(), "corrupt block " + std::to_string(block)));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "a layer that is another file system than its media type says is not scanned",
                 "[scan]") {
  LayerSource layer = ScanFixture::layer(make());
  layer.filesystem = Filesystem::kSquashfs;
  CHECK(has(scan_layer(layer, scanner()).error().message(), "media type"));
  layer = ScanFixture::layer(squash());
  layer.filesystem = Filesystem::kErofs;
  CHECK(has(scan_layer(layer, scanner()).error().message(), "media type"));
}

}  // namespace mosb::verity
