// The scan of a layer's file system, by the real scanner: real images of mksquashfs, and images
// that no tool makes, patched and given a hash tree of their own, as a publisher would.
#include "verity/layer_scan.h"

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "tests/verity/data_fixture.h"
#include "verity/layer_scanner.h"
#include "verity/little_endian.h"
#include "verity/server_sandbox.h"
#include "verity/squashfs_scan.h"
#include "verity/squashfs_tables.h"

namespace mosb::verity {

namespace {

using namespace std::chrono_literals;

std::string programs() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// A squashfs image in memory whose tables are not compressed, so that a test can change them.
class Image {
 public:
  explicit Image(const std::string& path) : bytes_(test::read_all(path)) {}

  SquashfsTables tables() const {
    return must(SquashfsTables::read(std::as_bytes(std::span(bytes_))));
  }
  template <class T>
  T get(std::uint64_t offset) const {
    return load_le<T>(std::as_bytes(std::span(bytes_)), offset);
  }
  template <class T>
  void set(std::uint64_t offset, T value) {
    store_le<T>(std::as_writable_bytes(std::span(bytes_)), offset, value);
  }
  void write(std::uint64_t offset, const std::string& text) {
    bytes_.replace(offset, text.size(), text);
  }
  const std::string& bytes() const { return bytes_; }

  /// Where a directory has this name; the entry begins 8 bytes before: the inode's offset in its
  /// block, its number less the header's, its type, the name's length less one.
  std::uint64_t name(const std::string& name) const {
    const std::size_t at = bytes_.find(name, tables().directory_table);
    REQUIRE(at != std::string::npos);
    return at;
  }
  /// Of the inode that the entry names, in the only block of the table.
  std::uint64_t inode(const std::string& entry) const {
    return tables().inode_table + 2 + get<std::uint16_t>(name(entry) - 8);
  }

 private:
  std::string bytes_;
};

class ScanFixture {
 public:
  ScanFixture() : dir_(must(TempDir::make(test::scratch_parent(), "mosb-scan-"))) {
    REQUIRE(sys::mkdir(tree(), 0755));
  }

  std::string tree() const { return dir_.path() + "/tree"; }
  std::string path() const { return dir_.path(); }
  void file(const std::string& name) const { test::write_all(tree() + "/" + name, name + "\n"); }
  void directory(const std::string& name) const {
    REQUIRE(sys::mkdir_all(tree() + "/" + name, 0755));
  }
  static void attribute(const std::string& path, const char* name, const std::string& value) {
    REQUIRE(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
  }

  Image squash(std::vector<std::string> options = {}) const {
    const std::string squashfs = dir_.path() + "/image";
    std::filesystem::remove(squashfs);
    std::vector<std::string> argv{"mksquashfs",
                                  tree(),
                                  squashfs,
                                  "-noI",
                                  "-noId",
                                  "-noF",
                                  "-noX",
                                  "-noappend",
                                  "-no-progress",
                                  "-quiet",
                                  "-no-exports"};
    argv.insert(argv.end(), options.begin(), options.end());
    test::run(argv);
    return Image(squashfs);
  }
  LayerSource layer(const Image& image) const {
    const std::string blob = dir_.path() + "/blob";
    std::filesystem::remove(blob);
    test::write_all(blob, image.bytes());
    const HashTreeResult tree = must(append_hash_tree(blob));
    return {blob,
            tree.file_size,
            tree.root_hash,
            must(Digest::parse("sha256:" + std::string(64, '0'))),
            Filesystem::kSquashfs};
  }
  Result<LayerScan> scan(const Image& image) const { return scan_layer(layer(image), scanner()); }
  Scanner scanner() const { return {.libexec_dir = programs()}; }
  /// The error's text; "" if the layer passed.
  std::string refusal(const Image& image) const {
    const auto scanned = scan(image);
    CHECK((scanned || scanned.error().code() == Errc::kVerity));
    return scanned ? "" : scanned.error().message();
  }
  /// A folder with another program in the scanner's place.
  Scanner fake(const std::string& script) const {
    const std::string program = dir_.path() + "/mosb-layer-scan";
    test::write_all(program, "#!/bin/sh\n" + script + "\n");
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    return {.libexec_dir = dir_.path(), .deadline = 300ms};
  }

 private:
  TempDir dir_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

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

TEST_CASE_METHOD(ScanFixture,
                 "a scanner that hangs, dies or talks nonsense lets nothing pass",
                 "[scan]") {
  const LayerSource layer = ScanFixture::layer(squash());
  const auto outcome = [&](const std::string& script) {
    const auto scanned = scan_layer(layer, fake(script));
    REQUIRE_FALSE(scanned);
    CHECK(scanned.error().code() == Errc::kVerity);
    return scanned.error().message();
  };
  const auto begin = std::chrono::steady_clock::now();
  CHECK(has(outcome("echo passed 1 1 >&4; exec sleep 1000"), "in time"));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(has(outcome("echo passed 1 1 >&4; kill -SEGV $$"), "signal 11"));
  CHECK(has(outcome("echo passed 1 1 >&4; exit 1"), "failed"));
  CHECK(has(outcome("exit 0"), "no sense"));
  CHECK(has(outcome("echo passed >&4"), "no sense"));
  CHECK(has(outcome("yes passed 1 1 >&4"), "too much"));
  CHECK(has(outcome("exec 4>&-; exec sleep 1000"), "did not end"));
  CHECK(scan_layer(layer, fake("echo passed 1 1 >&4")));
  CHECK(scan_layer(layer, {.libexec_dir = "/not/there"}).error().code() == Errc::kHost);
}

TEST_CASE_METHOD(ScanFixture,
                 "the scanner has no privileges, no files and no other system calls",
                 "[scan]") {
  if (::geteuid() != 0) {
    std::printf("SKIP the scanner has no privileges: needs root\n");
    return;
  }
  const LayerSource layer = ScanFixture::layer(squash());
  // It stays at its last step as long as nobody takes its answer.
  sys::Pipe pipe = must(sys::pipe());
  REQUIRE(::fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK) == 0);
  const std::string filling(4096, 'x');
  while (::write(pipe.write.get(), filling.data(), filling.size()) > 0) {
  }
  REQUIRE(::fcntl(pipe.write.get(), F_SETFL, 0) == 0);
  const UniqueFd blob = must(sys::open(layer.blob_path, O_RDONLY));
  const UniqueFd secret = must(sys::open("/etc/shadow", O_RDONLY));
  Spawn what{.argv = {programs() + "/mosb-layer-scan",
                      layer.root_hash.hex(),
                      std::to_string(layer.size.value)}};
  what.fds = {-1, -1, -1, blob.get(), pipe.write.get(), secret.get()};
  const Child child = must(spawn(what));
  pipe.write.reset();
  const std::string proc = "/proc/" + std::to_string(child.pid);
  const auto fact = [&](const std::string& name) {
    const std::string status = must(read_kernel_file(proc + "/status", ByteCount{kMiB}));
    const std::size_t at = status.find("\n" + name + ":\t");
    return at == std::string::npos
               ? std::string()
               : status.substr(at + name.size() + 3,
                               status.find('\n', at + 1) - at - name.size() - 3);
  };
  for (int i = 0; i < 500 && fact("Seccomp") != "2"; ++i) {
    ::usleep(10'000);
  }
  const std::string id = std::to_string(kServerId);
  CHECK(fact("Seccomp") == "2");
  CHECK(fact("NoNewPrivs") == "1");
  CHECK(fact("Uid") == id + "\t" + id + "\t" + id + "\t" + id);
  CHECK(fact("Gid") == id + "\t" + id + "\t" + id + "\t" + id);
  for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    CHECK(fact(set) == "0000000000000000");
  }
  std::size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    CHECK(std::stoi(entry.path().filename()) <= ScannerFds::kAnswer);
    ++descriptors;
  }
  CHECK(descriptors == 5);
  const std::string limits = must(read_kernel_file(proc + "/limits", ByteCount{kMiB}));
  CHECK(has(limits, "Max cpu time              60"));
  CHECK(has(limits, "Max address space         536870912"));
  REQUIRE(sys::pidfd_send_signal(child.pidfd.get(), SIGKILL));
  CHECK(must(wait_for(child, 5s)).has_value());
}

TEST_CASE_METHOD(ScanFixture, "an ordinary user can have a layer scanned", "[scan]") {
  if (::geteuid() != 0) {
    std::printf("SKIP an ordinary user can have a layer scanned: needs root to be one\n");
    return;
  }
  const LayerSource layer = ScanFixture::layer(squash());
  const UniqueFd blob = must(sys::open(layer.blob_path, O_RDONLY));
  sys::Pipe pipe = must(sys::pipe());
  Spawn what{.argv = {programs() + "/mosb-layer-scan",
                      layer.root_hash.hex(),
                      std::to_string(layer.size.value)},
             .user = 65'534};
  what.fds = {-1, -1, -1, blob.get(), pipe.write.get()};
  const Child child = must(spawn(what));
  pipe.write.reset();
  std::array<char, 256> answer{};
  const ssize_t n = ::read(pipe.read.get(), answer.data(), answer.size());
  CHECK(std::string(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))) ==
        "passed 1 0\n");
  CHECK(must(wait_for(child, 5s)) == 0);
}

TEST_CASE_METHOD(ScanFixture,
                 "what a block is used for is found, also in a damaged layer",
                 "[scan]") {
  directory("data");
  test::write_all(tree() + "/data/big", test::image_bytes(200, 1));
  test::write_all(tree() + "/data/other", test::image_bytes(200, 2));
  file("data/small1");
  file("data/small2");
  file("small3");
  const Image image = squash({"-noD"});
  const LayerSource layer = ScanFixture::layer(image);
  const std::uint64_t inodes = image.tables().inode_table / kBlockSize;
  const auto find = [&](std::vector<std::uint64_t> blocks) {
    return must(locate_blocks(layer, blocks, scanner()));
  };
  // Behind the two large files comes the fragment with the three small ones.
  const std::vector<BlockOwner> expected{{150, BlockOwner::Kind::kFiles, 1, "/data/big"},
                                         {350, BlockOwner::Kind::kFiles, 1, "/data/other"},
                                         {0, BlockOwner::Kind::kSuperblock, 0, ""},
                                         {inodes, BlockOwner::Kind::kInodes, 0, ""}};
  CHECK(find({150, 350, 0, inodes}) == expected);
  const BlockOwner shared = find({399}).front();
  CHECK(shared.kind == BlockOwner::Kind::kFiles);
  CHECK(shared.files >= 1);
  test::flip_bit(layer.blob_path, 150 * kBlockSize * 8);
  CHECK(find({150}).front().path == "/data/big");
  // With its inodes the way to the files is gone, but what they are is not.
  test::flip_bit(layer.blob_path, (image.tables().inode_table + 10) * 8);
  CHECK(find({inodes}).front().kind == BlockOwner::Kind::kInodes);
  CHECK(find({150}).front().kind == BlockOwner::Kind::kNobody);
  CHECK_FALSE(locate_blocks(layer, std::vector<std::uint64_t>{1'000'000}, scanner()));
}

TEST_CASE("a scanner's answer about blocks is read strictly", "[scan]") {
  const std::vector<BlockOwner> owners{{0, BlockOwner::Kind::kSuperblock, 0, ""},
                                       {12, BlockOwner::Kind::kFiles, 3, "/a b"},
                                       {13, BlockOwner::Kind::kNobody, 0, ""},
                                       {77, BlockOwner::Kind::kInodes, 0, ""},
                                       {78, BlockOwner::Kind::kTables, 0, ""}};
  const std::vector<std::uint64_t> blocks{0, 12, 13, 77, 78};
  const std::string text = located_answer(owners);
  CHECK(text == "superblock 0\nfiles 12 3 2f612062\nnobody 13\ninodes 77\ntables 78\n");
  CHECK(must(parse_located_answer(text, blocks)) == owners);
  CHECK(to_string(owners[1]) == "block 12 of '/a b' and 2 other files");
  CHECK_FALSE(parse_located_answer(text, std::vector<std::uint64_t>{0, 12, 13, 77}));
  CHECK_FALSE(parse_located_answer(text, std::vector<std::uint64_t>{0, 12, 13, 77, 79}));
  const std::vector<std::uint64_t> one{12};
  CHECK(parse_located_answer("files 12 1 -\n", one));
  for (const char* const nonsense : {"",
                                     "\n",
                                     "files 12 1 2f",
                                     "files 12 1 2f\n\n",
                                     "files 12 0 2f\n",
                                     "files 12 1 2F\n",
                                     "files 12 1 00\n",
                                     "files 12 1\n",
                                     "files 12 1 2f 2f\n",
                                     "nobody 12 1\n",
                                     "nobody\n",
                                     "other 12\n",
                                     "nobody 012\n",
                                     "nobody 12\nnobody 12\n",
                                     "refused - -\n"}) {
    INFO(nonsense);
    CHECK_FALSE(parse_located_answer(nonsense, one));
  }
}

TEST_CASE("a scanner's answer is read strictly", "[scan]") {
  const LayerScan scan{.inodes = 20'345,
                       .file_bytes = ByteCount{1},
                       .findings = {{FindingKind::kDeviceNodes, 3, "/dev/null"},
                                    {FindingKind::kSetIdFiles, 1, std::string("\xff\n", 2)},
                                    {FindingKind::kFileCapabilities, 2, ""}}};
  CHECK(passed_answer(scan) ==
        "device-nodes 3 2f6465762f6e756c6c\nset-id-files 1 ff0a\nfile-capabilities 2 -\n"
        "passed 20345 1\n");
  CHECK(must(parse_scan_answer(passed_answer(scan))) == scan);
  const auto refused = parse_scan_answer(refused_answer("/a\nb", "bad\x1b[31m"));
  CHECK(refused.error().code() == Errc::kVerity);
  CHECK(refused.error().message() == "'/a\\x0ab': bad\\x1b[31m");
  CHECK(parse_scan_answer(refused_answer("", "why")).error().message() == "why");
  CHECK(parse_scan_answer(failed_answer("why")).error().code() == Errc::kHost);
  CHECK(refused_answer(std::string(5000, 'x'), std::string(5000, 'y')).size() < kMaxScanAnswer);
  CHECK_FALSE(parse_scan_answer(refused_answer(std::string(5000, 'x'), "y")));
  for (const char* const nonsense : {"",
                                     "\n",
                                     "passed",
                                     "passed\n",
                                     "passed 1\n",
                                     "passed 0 1\n",
                                     "passed 1 1",
                                     "passed 1 1 \n",
                                     "passed 1 1\n\n",
                                     "passed 1 1\npassed 1 1\n",
                                     "Passed 1 1\n",
                                     "passed 01 1\n",
                                     "passed -1 1\n",
                                     "passed 1 18446744073709551616\n",
                                     "set-id-files 1 -\n",
                                     "set-id-files 0 -\npassed 1 1\n",
                                     "set-id-files 1 2G\npassed 1 1\n",
                                     "set-id-files 1 00\npassed 1 1\n",
                                     "set-id-files 1\npassed 1 1\n",
                                     "set-id-files 1 -\ndevice-nodes 1 -\npassed 1 1\n",
                                     "set-id-files 1 -\nset-id-files 1 -\npassed 1 1\n",
                                     "other 1 -\npassed 1 1\n",
                                     "refused\n",
                                     "refused -\n",
                                     "refused - - -\n",
                                     "failed - -\n",
                                     "passed 1 1\nset-id-files 1 -\n"}) {
    const auto parsed = parse_scan_answer(nonsense);
    INFO(nonsense);
    CHECK_FALSE(parsed);
    CHECK(parsed.error().message() == "the scanner's answer makes no sense");
  }
  CHECK_FALSE(parse_scan_answer("refused - " + std::string(2000, 'a') + "\n"));
  CHECK_FALSE(parse_scan_answer(std::string(kMaxScanAnswer, '\n') + "passed 1 1\n"));
}

}  // namespace mosb::verity
