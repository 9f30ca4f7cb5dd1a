// What the scan of an erofs layer counts and finds, and which of its contents it refuses. What it
// refuses of its structure is in erofs_structure_test.cpp.
#include "verity/erofs_scan.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/verity/erofs_scan_fixture.h"
#include "verity/layer_walk.h"

namespace mosb::verity {

using namespace test;
using namespace std::chrono_literals;

namespace {

// cap_net_raw, as setcap writes it.
const std::string kCapability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

/// Text that compresses to a third or so, in clusters of many sizes.
std::string some_text(std::size_t size) {
  std::string text;
  for (std::uint64_t i = 1; text.size() < size; ++i) {
    text += std::to_string(i * i * 2'654'435'761U) + std::string(i % 1000 < 500 ? 30 : 3, ' ');
  }
  return text;
}

struct Extent {
  std::uint64_t begin;
  std::uint64_t size;
};

/// Where dump.erofs says that the file's data lies.
std::vector<Extent> extents(const std::string& image, const std::string& file) {
  const std::string script =
      "dump.erofs -e --path=\"$2\" \"$1\" | tr -d '.:|' | "
      "awk '$1 ~ /^[0-9]+$/ && NF == 7 { print $5, $7 }'";
  std::istringstream lines(run({"sh", "-c", script, "sh", image, file}));
  std::vector<Extent> found;
  for (Extent extent{}; lines >> extent.begin >> extent.size;) {
    found.push_back(extent);
  }
  return found;
}

}  // namespace

TEST_CASE_METHOD(
    ErofsScanFixture,
    "an ordinary erofs image of any form passes, with the inodes that the kernel shows",
    "[scan]") {
  directory("etc/deep/er/and/deeper");
  directory("empty");
  file("etc/passwd");
  test::write_all(tree() + "/text", std::string(300'000, 'a') + "b");
  test::write_all(tree() + "/noise", test::image_bytes(40));
  test::write_all(tree() + "/none", "");
  REQUIRE(::symlink("etc", (tree() + "/link").c_str()) == 0);
  REQUIRE(::symlink(std::string(4000, 'l').c_str(), (tree() + "/long-link").c_str()) == 0);
  REQUIRE(::link((tree() + "/etc/passwd").c_str(), (tree() + "/again").c_str()) == 0);
  REQUIRE(::mkfifo((tree() + "/fifo").c_str(), 0644) == 0);
  test::write_all(tree() + "/" + std::string(254, 'n'), "x");
  // Of which '!' and '+' come before '.'.
  for (const char* const name : {"!", "+x", "...", ".hidden", "\xff\xfe", "a b"}) {
    test::write_all(tree() + "/etc/" + name, "y");
  }
  attribute(tree() + "/text", "user.name", std::string(200, 'v'));
  attribute(tree() + "/etc", "trusted.other", "value");
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{},
                                             {"-zlz4"},
                                             {"-zlz4hc,12", "-C65536"},
                                             {"-zlz4hc", "-Eztailpacking"},
                                             {"-zlz4hc", "-Elegacy-compress"},
                                             {"-Enoinline_data"},
                                             {"-Eforce-inode-extended"},
                                             {"-Eforce-inode-compact", "-x-1"},
                                             {"-x0"},
                                             {"--chunksize=8192"},
                                             {"--chunksize=4096", "-Eforce-chunk-indexes"}}) {
    INFO(Catch::Detail::stringify(options));
    const LayerScan scan = must(ScanFixture::scan(make(options)));
    CHECK(scan.inodes == inodes_in_kernel());
    CHECK(scan.file_bytes == ByteCount{11 + 300'001 + 40 * kBlockSize + 1 + 6});
    CHECK(scan.findings.empty());
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "an empty erofs image and one of fifty thousand files pass, soon",
                 "[scan]") {
  CHECK(must(scan(make())).inodes == 1);
  for (unsigned i = 0; i < 50; ++i) {
    directory("many" + std::to_string(i));
    for (unsigned j = 0; j < 1'000; ++j) {
      test::write_all(
          tree() + "/many" + std::to_string(i) + "/a-file-with-a-name-" + std::to_string(j), "");
    }
  }
  const LayerSource layer = ScanFixture::layer(make());
  const auto begin = std::chrono::steady_clock::now();
  CHECK(must(scan_layer(layer, scanner())).inodes == 50'051);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(inodes_in_kernel() == 50'051);
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "devices, set-uid files and capabilities of an erofs image are found",
                 "[scan]") {
  directory("dev");
  REQUIRE(::mknod((tree() + "/dev/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0);
  REQUIRE(::mknod((tree() + "/dev/sda").c_str(), S_IFBLK | 0660, ::makedev(8, 0)) == 0);
  REQUIRE(::mknod((tree() + "/dev/far").c_str(), S_IFCHR | 0660, ::makedev(0, 256)) == 0);
  REQUIRE(::mknod((tree() + "/gone").c_str(), S_IFCHR | 0600, ::makedev(0, 0)) == 0);
  file("su");
  REQUIRE(::chmod((tree() + "/su").c_str(), 04755) == 0);
  directory("shared");
  REQUIRE(::chmod((tree() + "/shared").c_str(), 02775) == 0);
  const auto expected = [](std::uint64_t capable) {
    return std::vector<Finding>{{FindingKind::kDeviceNodes, 3, "/dev/far"},
                                {FindingKind::kSetIdFiles, 1, "/su"},
                                {FindingKind::kFileCapabilities, capable, "/ping1"}};
  };
  file("ping1");
  attribute(tree() + "/ping1", "security.capability", kCapability);
  CHECK(must(scan(make())).findings == expected(1));
  // The same attribute in one place for all of them.
  for (const char* const name : {"ping2", "ping3", "ping4"}) {
    file(name);
    attribute(tree() + "/" + name, "security.capability", kCapability);
  }
  CHECK(must(scan(make({"-x1"}))).findings == expected(4));
  CHECK(must(scan(make({"-zlz4hc", "-Eforce-inode-extended"}))).findings == expected(4));
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "of overlayfs's attributes only an opaque directory's passes in an erofs image",
                 "[scan]") {
  directory("dir");
  attribute(tree() + "/dir", "trusted.overlay.opaque", "y");
  attribute(tree() + "/dir", "user.overlay.redirect", "/etc");
  CHECK(refusal(make()).empty());
  attribute(tree() + "/dir", "trusted.overlay.opaque", "x");
  CHECK(has(refusal(make()), "trusted.overlay.opaque"));
  attribute(tree() + "/dir", "trusted.overlay.opaque", "y");
  for (const char* const name : {"redirect", "metacopy", "origin", "overlay.opaque", "new"}) {
    const std::string attribute_name = std::string("trusted.overlay.") + name;
    attribute(tree() + "/dir", attribute_name.c_str(), "y");
    const std::string refused = refusal(make());
    CHECK(has(refused, attribute_name));
    CHECK(has(refused, "'/dir'"));
    REQUIRE(::lremovexattr((tree() + "/dir").c_str(), attribute_name.c_str()) == 0);
  }
  for (const char* const name : {"plain1", "plain2", "plain3", "plain4"}) {
    file(name);
    attribute(tree() + "/" + name, "trusted.overlay.opaque", "y");
  }
  CHECK(has(refusal(make({"-x0"})), "trusted.overlay.opaque"));
  CHECK(has(refusal(make({"-x100"})), "trusted.overlay.opaque"));
}

TEST_CASE_METHOD(ErofsScanFixture, "more than the limits is refused of an erofs image", "[scan]") {
  SECTION("bytes of a file, by its holes") {
    file("holes");
    test::run({"truncate", "-s", "3000000", tree() + "/holes"});
    // One map entry for a chunk of 2^43 bytes, which lies nowhere.
    ErofsImage image = make({"--chunksize=4194304", "-Eforce-inode-extended"});
    const std::uint64_t inode = image.inode("/holes");
    image.set<std::uint16_t>(inode + 16, 31);
    image.set<std::uint32_t>(image.tail("/holes"), UINT32_MAX);
    image.set<std::uint64_t>(inode + 8, kMaxFileBytes);
    CHECK(refusal(image).empty());
    image.set<std::uint64_t>(inode + 8, kMaxFileBytes + 1);
    CHECK(has(refusal(image), "more than 1099511627776 bytes"));
    image.set<std::uint64_t>(inode + 8, UINT64_MAX);
    CHECK_FALSE(refusal(image).empty());
  }
  SECTION("depth") {
    std::string path = "d";
    for (std::size_t i = 1; i < kMaxDepth; ++i) {
      path += "/d";
    }
    directory(path);
    CHECK(refusal(make()).empty());
    directory(path + "/d");
    CHECK(has(refusal(make()), "deep"));
    // Deeper than what a TempDir removes.
    test::run({"rm", "-r", tree()});
  }
  SECTION("a symlink") {
    REQUIRE(::symlink("target", (tree() + "/link").c_str()) == 0);
    const ErofsImage good = make();
    const std::uint64_t size = good.inode("/link") + 8;
    REQUIRE(good.get<std::uint32_t>(size) == 6);
    for (const std::uint32_t wrong : {0U, 4096U, 0xffffffffU}) {
      CHECK_FALSE(refusal_with(good, size, wrong).empty());
    }
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "what a block of an erofs layer is used for is found, also in a damaged one",
                 "[scan]") {
  directory("data");
  test::write_all(tree() + "/data/big", test::image_bytes(200, 1));
  test::write_all(tree() + "/data/other", test::image_bytes(200, 2));
  for (unsigned i = 0; i < 300; ++i) {
    file("data/small" + std::to_string(i));
  }
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {}, {"--chunksize=4096"}, {"--chunksize=16384", "-Eforce-chunk-indexes"}}) {
    INFO(Catch::Detail::stringify(options));
    const ErofsImage image = make(options);
    const LayerSource layer = ScanFixture::layer(image);
    const auto find = [&](std::vector<std::uint64_t> blocks) {
      return must(locate_blocks(layer, blocks, scanner())).front();
    };
    const std::uint64_t in_big =
        image.bytes().find(test::image_bytes(200, 1).substr(150 * kBlockSize, kBlockSize)) /
        kBlockSize;
    const std::uint64_t in_other =
        image.bytes().find(test::image_bytes(200, 2).substr(9 * kBlockSize, kBlockSize)) /
        kBlockSize;
    const std::uint64_t inode = image.inode("/data/small7") / kBlockSize;
    CHECK(find({in_big}) == BlockOwner{in_big, BlockOwner::Kind::kFiles, 1, "/data/big"});
    CHECK(find({in_other}) == BlockOwner{in_other, BlockOwner::Kind::kFiles, 1, "/data/other"});
    CHECK(find({0}).kind == BlockOwner::Kind::kSuperblock);
    CHECK(find({inode}).kind == BlockOwner::Kind::kInodes);
    // The first block of the directory, whose 302 names take more than one.
    const std::uint64_t entries = image.get<std::uint32_t>(image.inode("/data") + 16);
    CHECK(find({entries}).kind == BlockOwner::Kind::kTables);
    test::flip_bit(layer.blob_path, in_big * kBlockSize * 8);
    CHECK(find({in_big}).path == "/data/big");
    test::flip_bit(layer.blob_path, inode * kBlockSize * 8);
    CHECK(find({inode}).kind == BlockOwner::Kind::kInodes);
    CHECK_FALSE(locate_blocks(layer, std::vector<std::uint64_t>{1'000'000}, scanner()));
  }
}

TEST_CASE_METHOD(ErofsScanFixture,
                 "the blocks of a compressed file are those that dump.erofs says",
                 "[scan]") {
  test::write_all(tree() + "/text", some_text(1'500'000));
  test::write_all(
      tree() + "/mixed",
      some_text(30'000) + test::image_bytes(20) + std::string(200'000, 'a') + some_text(100'000));
  test::write_all(tree() + "/short", some_text(9'000));
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"-zlz4hc"},
                                             {"-zlz4"},
                                             {"-zlz4hc,12", "-C65536"},
                                             {"-zlz4hc", "-C16384", "-Elegacy-compress"},
                                             {"-zlz4hc", "-Elegacy-compress"},
                                             {"-zlz4hc", "-Eforce-inode-extended"},
                                             {"-zlz4hc", "-Eztailpacking"}}) {
    INFO(Catch::Detail::stringify(options));
    const ErofsImage image = make(options);
    const LayerSource layer = ScanFixture::layer(image);
    for (const std::string file : {"/text", "/mixed", "/short"}) {
      INFO(file);
      std::set<std::uint64_t> used;
      for (const Extent& extent : extents(path() + "/erofs", file)) {
        // Not the end that lies behind the inode.
        if (extent.begin % kBlockSize == 0 && extent.size % kBlockSize == 0) {
          used.insert(extent.begin / kBlockSize);
          used.insert((extent.begin + extent.size - 1) / kBlockSize);
        }
      }
      const std::vector<std::uint64_t> blocks(used.begin(), used.end());
      CHECK((file == "/short" || !blocks.empty()));
      for (std::size_t i = 0; i < blocks.size(); i += kMaxLocated) {
        const auto part = std::span(blocks).subspan(i, std::min(kMaxLocated, blocks.size() - i));
        for (const BlockOwner& owner : must(locate_blocks(layer, part, scanner()))) {
          CHECK(to_string(owner) == "block " + std::to_string(owner.block) + " of '" + file + "'");
        }
      }
    }
  }
}

}  // namespace mosb::verity
