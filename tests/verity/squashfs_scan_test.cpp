// What the scan of a layer's file system refuses and finds: images of mksquashfs, and such that no
// tool makes.
#include "verity/squashfs_scan.h"

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/verity/scan_fixture.h"
#include "verity/layer_walk.h"

namespace mosb::verity {

using namespace test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(ScanFixture, "an ordinary image passes, with what it has counted", "[scan]") {
  directory("etc/deep");
  file("etc/passwd");
  REQUIRE(::symlink("etc", (tree() + "/link").c_str()) == 0);
  REQUIRE(::link((tree() + "/etc/passwd").c_str(), (tree() + "/again").c_str()) == 0);
  for (const char* const compressor : {"gzip", "xz", "lzo", "lz4", "zstd"}) {
    const LayerScan scan = must(ScanFixture::scan(squash({"-comp", compressor})));
    CHECK(scan.inodes == 5);
    CHECK(scan.file_bytes == ByteCount{11});
    CHECK(scan.findings.empty());
  }
}

TEST_CASE_METHOD(ScanFixture, "an empty image and one of ten thousand files pass", "[scan]") {
  CHECK(must(scan(squash())).inodes == 1);
  directory("many");
  for (unsigned i = 0; i < 10'000; ++i) {
    file("many/" + std::to_string(i));
  }
  CHECK(must(scan(squash())).inodes == 10'002);
}

TEST_CASE_METHOD(ScanFixture, "devices, set-uid files and capabilities are found", "[scan]") {
  directory("dev");
  REQUIRE(::mknod((tree() + "/dev/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0);
  REQUIRE(::mknod((tree() + "/dev/sda").c_str(), S_IFBLK | 0660, ::makedev(8, 0)) == 0);
  REQUIRE(::mknod((tree() + "/gone").c_str(), S_IFCHR | 0600, ::makedev(0, 0)) == 0);
  REQUIRE(::mkfifo((tree() + "/fifo").c_str(), 0644) == 0);
  file("su");
  REQUIRE(::chmod((tree() + "/su").c_str(), 04755) == 0);
  directory("shared");
  REQUIRE(::chmod((tree() + "/shared").c_str(), 02775) == 0);
  file("ping");
  // cap_net_raw, as setcap writes it.
  attribute(tree() + "/ping",
            "security.capability",
            std::string("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
  const LayerScan found = must(scan(squash()));
  const std::vector<Finding> expected{{FindingKind::kDeviceNodes, 2, "/dev/null"},
                                      {FindingKind::kSetIdFiles, 1, "/su"},
                                      {FindingKind::kFileCapabilities, 1, "/ping"}};
  CHECK(found.findings == expected);
}

TEST_CASE_METHOD(ScanFixture,
                 "of overlayfs's attributes only an opaque directory's passes",
                 "[scan]") {
  directory("dir");
  attribute(tree() + "/dir", "trusted.overlay.opaque", "y");
  // The kernel looks at these in mounts of users only, which mosb's are not.
  attribute(tree() + "/dir", "user.overlay.redirect", "/etc");
  CHECK(refusal(squash()).empty());
  attribute(tree() + "/dir", "trusted.overlay.opaque", "x");
  CHECK(has(refusal(squash()), "trusted.overlay.opaque"));
  attribute(tree() + "/dir", "trusted.overlay.opaque", "y");
  for (const char* const name : {"redirect",
                                 "metacopy",
                                 "origin",
                                 "nlink",
                                 "impure",
                                 "uuid",
                                 "upper",
                                 "protattr",
                                 "whiteout",
                                 "overlay.opaque",
                                 "new"}) {
    const std::string attribute_name = std::string("trusted.overlay.") + name;
    attribute(tree() + "/dir", attribute_name.c_str(), "y");
    const std::string refused = refusal(squash());
    CHECK(has(refused, attribute_name));
    CHECK(has(refused, "'/dir'"));
    REQUIRE(::lremovexattr((tree() + "/dir").c_str(), attribute_name.c_str()) == 0);
  }
  file("plain");
  attribute(tree() + "/plain", "trusted.overlay.opaque", "y");
  CHECK(has(refusal(squash()), "trusted.overlay.opaque"));
}

TEST_CASE_METHOD(ScanFixture, "names that are none are refused", "[scan]") {
  directory("in");
  file("in/q");
  file("in/zz");
  file("in/zzzname");
  const Image good = squash();
  REQUIRE(refusal(good).empty());
  const auto renamed = [&](const std::string& name, const std::string& to) {
    Image image = good;
    image.write(image.name(name), to);
    return refusal(image);
  };
  CHECK(has(renamed("zzzname", "zzz/ame"), "is none"));
  CHECK(has(renamed("zzzname", std::string("zzz\0ame", 7)), "is none"));
  CHECK(has(renamed("zz", ".."), "is none"));
  CHECK(has(renamed("zzzname", "../../x"), "is none"));
  CHECK(has(renamed("zzzname", "../../x"), "'/in"));
  // An entry of 256 bytes and more does not fit in this directory.
  Image image = good;
  image.set<std::uint16_t>(image.name("zzzname") - 2, 300);
  CHECK_FALSE(refusal(image).empty());
}

TEST_CASE_METHOD(ScanFixture, "names that stand twice or out of order are refused", "[scan]") {
  file("dupa");
  file("dupb");
  for (const char* const to : {"dupa", "aaaa"}) {
    Image image = squash();
    image.write(image.name("dupb"), to);
    CHECK(has(refusal(image), "not in order"));
  }
}

TEST_CASE_METHOD(ScanFixture,
                 "directories with two names, and such in themselves, are refused",
                 "[scan]") {
  directory("outer/inner");
  directory("other");
  const Image good = squash();
  const auto entry = [&](const std::string& name) { return good.name(name) - 8; };
  SECTION("a second name beside it") {
    Image image = good;
    image.set(entry("outer"), good.get<std::uint16_t>(entry("other")));
    image.set(entry("outer") + 2, good.get<std::uint16_t>(entry("other") + 2));
    CHECK(has(refusal(image), "two names"));
  }
  SECTION("a directory in itself") {
    // In front of the only entry of a directory stands its header: count, block, base of numbers.
    const auto base_of_root = good.get<std::uint32_t>(entry("other") - 4);
    const auto delta = static_cast<std::int16_t>(good.get<std::uint16_t>(entry("outer") + 2));
    const auto number = base_of_root + static_cast<std::uint32_t>(delta);
    const auto base = good.get<std::uint32_t>(entry("inner") - 4);
    Image image = good;
    image.set(entry("inner"), good.get<std::uint16_t>(entry("outer")));
    image.set(entry("inner") + 2, static_cast<std::uint16_t>(number - base));
    CHECK(has(refusal(image), "two names"));
  }
}

TEST_CASE_METHOD(ScanFixture,
                 "inodes and entries that contradict each other are refused",
                 "[scan]") {
  file("filea");
  file("fileb");
  const Image good = squash();
  const std::uint64_t a = good.name("filea") - 8;
  const std::uint64_t b = good.name("fileb") - 8;
  Image image = good;
  SECTION("another kind") {
    image.set<std::uint16_t>(b + 4, 1);
    CHECK(has(refusal(image), "something else"));
  }
  SECTION("another number") {
    image.set<std::uint16_t>(b + 2, static_cast<std::uint16_t>(good.get<std::uint16_t>(b + 2) + 1));
    CHECK(has(refusal(image), "something else"));
  }
  SECTION("the number of another inode") {
    image.set(b + 2, good.get<std::uint16_t>(a + 2));
    image.set(good.inode("fileb") + 12, good.get<std::uint32_t>(good.inode("filea") + 12));
    CHECK(has(refusal(image), "there twice"));
  }
  SECTION("numbers beyond the count of inodes") {
    image.set<std::uint32_t>(4, 1);
    CHECK(has(refusal(image), "out of range"));
  }
}

TEST_CASE_METHOD(ScanFixture, "more than the limits is refused", "[scan]") {
  SECTION("inodes") {
    Image image = squash();
    image.set<std::uint32_t>(4, kMaxInodes + 1);
    CHECK(has(refusal(image), "4194305 inodes"));
  }
  SECTION("bytes of a file, by its holes") {
    file("holes");
    test::run({"truncate", "-s", "3000000", tree() + "/holes"});
    Image image = squash();
    const std::uint64_t inode = image.inode("holes");
    // Only a file with holes has an inode with 64 bits of size.
    REQUIRE(image.get<std::uint16_t>(inode) == 9);
    image.set<std::uint64_t>(inode + 24, kMaxFileBytes);
    CHECK(refusal(image).empty());
    image.set<std::uint64_t>(inode + 24, kMaxFileBytes + 1);
    CHECK(has(refusal(image), "more than 1099511627776 bytes"));
  }
  SECTION("depth") {
    std::string path = "d";
    for (std::size_t i = 1; i < kMaxDepth; ++i) {
      path += "/d";
    }
    directory(path);
    CHECK(refusal(squash()).empty());
    directory(path + "/d");
    CHECK(has(refusal(squash()), "deep"));
    // Deeper than what a TempDir removes.
    test::run({"rm", "-r", tree()});
  }
  SECTION("a symlink") {
    REQUIRE(::symlink("target", (tree() + "/link").c_str()) == 0);
    Image image = squash();
    const std::uint64_t size = image.inode("link") + 20;
    REQUIRE(image.get<std::uint32_t>(size) == 6);
    for (const std::uint32_t wrong : {0U, 4096U, 0xffffffffU}) {
      image.set(size, wrong);
      CHECK_FALSE(refusal(image).empty());
    }
  }
}

TEST_CASE_METHOD(ScanFixture, "superblocks whose tables don't fit are refused", "[scan]") {
  directory("dir");
  file("file");
  attribute(tree() + "/file", "user.name", "value");
  const Image good = squash({"-exports"});
  REQUIRE(refusal(good).empty());
  const SquashfsTables tables = good.tables();
  REQUIRE(check_squashfs_tables(tables));
  const auto refused = [&](std::uint64_t offset, std::uint64_t value) {
    Image image = good;
    image.set(offset, value);
    const std::string text = refusal(image);
    INFO(offset << " " << value << " " << text);
    return has(text, "squashfs superblock");
  };
  // Tables of ids, attributes, inodes, directories, fragments, places of inodes.
  for (const std::uint64_t field : {48U, 56U, 64U, 72U, 80U, 88U}) {
    CHECK(refused(field, 0));
    CHECK(refused(field, tables.bytes_used.value));
    CHECK(refused(field, UINT64_MAX - 1));
  }
  CHECK(refused(64, tables.directory_table));
  CHECK(refused(72, tables.id_table));
  CHECK(refused(88, tables.id_table - 7));
  CHECK(refused(56, tables.bytes_used.value - 15));
  CHECK(refused(32, (tables.directory_table - tables.inode_table) << 16U));
  CHECK(refused(32, 8192));
  Image image = good;
  for (const auto& [offset, value] : std::vector<std::pair<std::uint64_t, std::uint16_t>>{
           {26, 0}, {24, 0x1000}, {20, 0}, {20, 7}}) {
    image = good;
    image.set(offset, value);
    CHECK(has(refusal(image), "squashfs superblock"));
  }
  image = good;
  image.set<std::uint32_t>(4, 0);
  CHECK(has(refusal(image), "no inodes"));
}

TEST_CASE_METHOD(ScanFixture,
                 "a broken structure is refused, at any of its bytes in bounded time",
                 "[scan]") {
  directory("dir/sub");
  file("dir/file");
  REQUIRE(::symlink("x", (tree() + "/link").c_str()) == 0);
  attribute(tree() + "/dir/file", "user.name", "value");
  const Image good = squash();
  const std::uint64_t first = good.tables().inode_table;
  unsigned refused = 0;
  for (std::uint64_t at = first; at < good.tables().bytes_used.value; ++at) {
    Image image = good;
    image.set<std::uint8_t>(at, static_cast<std::uint8_t>(image.get<std::uint8_t>(at) ^ 0xffU));
    const auto begin = std::chrono::steady_clock::now();
    refused += refusal(image).empty() ? 0U : 1U;
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
  }
  // What is left are times, owners, modes, contents of attributes.
  CHECK(refused > 100);
}

TEST_CASE_METHOD(ScanFixture, "a block that is not what was signed is refused", "[scan]") {
  directory("dir");
  file("dir/file");
  const Image image = squash();
  const LayerSource layer = ScanFixture::layer(image);
  test::flip_bit(layer.blob_path, image.tables().inode_table * 8 + 100);
  const auto scanned = scan_layer(layer, scanner());
  REQUIRE_FALSE(scanned);
  CHECK(scanned.error().code() == Errc::kVerity);
  const LayerSource other{layer.blob_path,
                          layer.size,
                          must(RootHash::parse(std::string(64, 'a'))),
                          layer.digest,
                          Filesystem::kSquashfs};
  CHECK(scan_layer(other, scanner()).error().code() == Errc::kVerity);
}

}  // namespace mosb::verity
