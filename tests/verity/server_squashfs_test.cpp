#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "tests/verity/data_fixture.h"
#include "tests/verity/server_fixture.h"
#include "verity/layer_file.h"
#include "verity/squashfs_tree.h"

namespace mosb::verity {

namespace {

namespace fs = std::filesystem;
using test::MadeLayer;
using test::RunningServer;

constexpr std::uint32_t kBase = 536'870'912;

TempDir temp_dir() {
  auto dir = TempDir::make(test::scratch_parent(), "mosb-verity-");
  REQUIRE(dir);
  return *std::move(dir);
}

void set_attribute(const std::string& path, const char* name, const std::string& value) {
  REQUIRE(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
}

/// One of everything that a squashfs image can hold.
void make_tree(const std::string& tree) {
  REQUIRE(sys::mkdir_all(tree + "/etc/deep/er", 0755));
  test::write_all(tree + "/empty", "");
  test::write_all(tree + "/small", "hello\n");
  test::write_all(tree + "/block", std::string(131'072, 'b'));
  test::write_all(tree + "/large", test::image_bytes(1500));
  test::write_all(tree + "/text", [] {
    std::string text;
    for (unsigned i = 0; i < 200'000; ++i) {
      text += "line " + std::to_string(i * 7919 % 10'007) + "\n";
    }
    return text;
  }());
  test::run({"truncate", "-s", "9000000", tree + "/sparse"});
  test::patch(tree + "/sparse", 5'000'000, "in the middle");
  REQUIRE(::link((tree + "/small").c_str(), (tree + "/etc/hard").c_str()) == 0);
  REQUIRE(::symlink("../small", (tree + "/etc/link").c_str()) == 0);
  REQUIRE(::symlink(std::string(3000, 'x').c_str(), (tree + "/etc/longlink").c_str()) == 0);
  REQUIRE(::mknod((tree + "/whiteout").c_str(), S_IFCHR | 0600, ::makedev(0, 0)) == 0);
  REQUIRE(::mknod((tree + "/device").c_str(), S_IFBLK | 0640, ::makedev(259, 70'000)) == 0);
  REQUIRE(::mkfifo((tree + "/fifo").c_str(), 0644) == 0);
  REQUIRE(::mknod((tree + "/socket").c_str(), S_IFSOCK | 0755, 0) == 0);
  REQUIRE(::chown((tree + "/block").c_str(), 1000, 65'533) == 0);
  REQUIRE(::chown((tree + "/large").c_str(), 70'000, 4'000'000) == 0);
  REQUIRE(::chmod((tree + "/block").c_str(), 06755) == 0);
  REQUIRE(sys::mkdir(tree + "/many", 01777));
  for (unsigned i = 0; i < 3000; ++i) {
    test::write_all(tree + "/many/" + std::string(i % 200, 'n') + std::to_string(i),
                    std::to_string(i));
  }
  set_attribute(tree + "/small", "user.a", "1");
  set_attribute(tree + "/small", "user.abc", std::string(3000, 'v'));
  set_attribute(tree + "/small", "user.ab", "");
  set_attribute(tree + "/small", "trusted.secret", "t");
  set_attribute(tree + "/etc", "trusted.overlay.opaque", "y");
  set_attribute(tree + "/etc", "trusted.overlay.redirect", "/many");
  using namespace std::string_literals;
  set_attribute(
      tree + "/block", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s);
}

MadeLayer make_layer_of(const std::string& tree,
                        const std::string& image,
                        const std::vector<std::string>& options = {}) {
  std::vector<std::string> argv{"mksquashfs", tree, image, "-quiet", "-no-progress", "-noappend"};
  argv.insert(argv.end(), options.begin(), options.end());
  test::run(argv);
  const auto made = append_hash_tree(image);
  REQUIRE(made);
  return {.path = image, .tree = *made};
}

RunningServer::Start serving(const MadeLayer& layer,
                             std::vector<std::string> ids = {
                                 std::to_string(kBase), std::to_string(kBase), "65536"}) {
  return {.kind = RunningServer::Kind::kSquashfs,
          .blob = layer.path,
          .size = layer.tree.file_size.value,
          .root_hash = layer.tree.root_hash,
          .ids = std::move(ids)};
}

struct stat lstat_of(const std::string& path) {
  struct stat st {};
  INFO(path);
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st;
}

std::uint32_t shifted(std::uint32_t id) {
  return kBase + (id < 65'536 ? id : 65'534);
}

std::string content_of(const std::string& path, const struct stat& st) {
  if (S_ISREG(st.st_mode)) {
    const auto outcome = test::read_whole(path);
    REQUIRE(outcome.error == 0);
    return outcome.bytes;
  }
  return S_ISLNK(st.st_mode) ? fs::read_symlink(path).string() : "";
}

/// Everything the kernel shows of one file, ours against the kernel's squashfs.
void compare_file(const std::string& ours, const std::string& kernels) {
  INFO(ours);
  const struct stat a = lstat_of(ours);
  const struct stat b = lstat_of(kernels);
  CHECK(a.st_mode == b.st_mode);
  CHECK(a.st_ino == b.st_ino);
  CHECK(a.st_nlink == b.st_nlink);
  CHECK(a.st_size == b.st_size);
  CHECK(a.st_rdev == b.st_rdev);
  CHECK(a.st_mtim.tv_sec == b.st_mtim.tv_sec);
  CHECK(a.st_uid == shifted(b.st_uid));
  CHECK(a.st_gid == shifted(b.st_gid));
  CHECK((content_of(ours, a) == content_of(kernels, b)));
}

std::map<std::string, ino_t> list(const std::string& dir) {
  std::map<std::string, ino_t> names;
  DIR* open = ::opendir(dir.c_str());
  REQUIRE(open != nullptr);
  while (const dirent* entry = ::readdir(open)) {  // NOLINT(concurrency-mt-unsafe): one thread
    CHECK(names.emplace(entry->d_name, entry->d_ino).second);
  }
  ::closedir(open);
  return names;
}

/// The whole tree; returns how many files there were.
std::size_t compare_trees(const std::string& ours, const std::string& kernels, bool root = true) {
  std::size_t files = 0;
  compare_file(ours, kernels);
  auto a = list(ours);
  auto b = list(kernels);
  CHECK(a.contains("."));
  CHECK(a.contains(".."));
  if (root) {  // where ".." lies outside the image, and each has its own idea of it
    a.erase("..");
    b.erase("..");
  }
  CHECK(a == b);
  for (const auto& [name, number] : b) {
    if (name == "." || name == "..") {
      continue;
    }
    const std::string path = kernels + "/" + name;
    if (S_ISDIR(lstat_of(path).st_mode)) {
      files += compare_trees(ours + "/" + name, path, false);
    } else {
      compare_file(ours + "/" + name, path);
      ++files;
    }
  }
  return files;
}

std::string attribute(const std::string& path, const char* name) {
  std::array<char, 4096> value{};
  const ssize_t n = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  return n < 0 ? "errno " + std::to_string(errno)
               : std::string(value.data(), static_cast<std::size_t>(n));
}

std::set<std::string> attributes(const std::string& path) {
  std::array<char, 4096> names{};
  const ssize_t n = ::llistxattr(path.c_str(), names.data(), names.size());
  REQUIRE(n >= 0);
  std::set<std::string> all;
  for (ssize_t at = 0; at < n;
       at += static_cast<ssize_t>(std::strlen(&names[static_cast<std::size_t>(at)])) + 1) {
    all.insert(&names[static_cast<std::size_t>(at)]);
  }
  return all;
}

}  // namespace

TEST_CASE("a squashfs server shows what the kernel shows, with other owners", "[verity][kernel]") {
  if (!test::can_mount("a squashfs server shows what the kernel shows")) {
    return;
  }
  const TempDir dir = temp_dir();
  const std::string tree = dir.path() + "/tree";
  make_tree(tree);
  const std::vector<std::vector<std::string>> variants{
      {"-comp", "zstd"},
      {"-comp", "gzip", "-b", "4096"},
      {"-comp", "xz", "-b", "1M", "-Xbcj", "x86"},
      {"-comp", "lz4"},
      {"-comp", "lzo"},
      {"-noI", "-noD", "-noF", "-noX"},
      {"-comp", "zstd", "-no-fragments", "-no-exports"},
      {"-comp", "zstd", "-always-use-fragments", "-all-root"}};
  for (const auto& options : variants) {
    INFO(options[1]);
    const MadeLayer layer = make_layer_of(tree, dir.path() + "/layer", options);
    RunningServer server(serving(layer));
    REQUIRE(server.report() == "ready\n");
    CHECK(server.fact("Seccomp") == "2");
    CHECK(server.fact("CapEff") == "0000000000000000");
    const test::LoopSquashfs kernels(layer.path);
    CHECK(compare_trees(server.path(), kernels.path()) == 3013);
    CHECK(test::read_all(server.status_file()).empty());
  }
}

TEST_CASE("a squashfs server shows only attributes that hold for other owners",
          "[verity][kernel]") {
  if (!test::can_mount("a squashfs server shows only attributes that hold")) {
    return;
  }
  const TempDir dir = temp_dir();
  const std::string tree = dir.path() + "/tree";
  make_tree(tree);
  const MadeLayer layer = make_layer_of(tree, dir.path() + "/layer");
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");
  const std::string small = server.path() + "/small";
  CHECK(attributes(small) == std::set<std::string>{"user.a", "user.ab", "user.abc"});
  CHECK(attribute(small, "user.a") == "1");
  CHECK(attribute(small, "user.ab").empty());
  CHECK(attribute(small, "user.abc") == std::string(3000, 'v'));
  CHECK(attribute(small, "user.b") == "errno " + std::to_string(ENODATA));
  CHECK(attribute(small, "trusted.secret") == "errno " + std::to_string(ENODATA));
  CHECK(::lgetxattr(small.c_str(), "user.abc", nullptr, 0) == 3000);
  std::array<char, 10> little{};
  CHECK(::lgetxattr(small.c_str(), "user.abc", little.data(), little.size()) == -1);
  CHECK(errno == ERANGE);
  const std::string etc = server.path() + "/etc";
  CHECK(attributes(etc) == std::set<std::string>{"trusted.overlay.opaque"});
  CHECK(attribute(etc, "trusted.overlay.opaque") == "y");
  CHECK(attribute(etc, "trusted.overlay.redirect") == "errno " + std::to_string(ENODATA));
  CHECK(attributes(server.path() + "/block").empty());
  CHECK(attribute(server.path() + "/block", "security.capability") ==
        "errno " + std::to_string(ENODATA));
}

TEST_CASE("a squashfs server answers for names that are not there and for the whole",
          "[verity][kernel]") {
  if (!test::can_mount("a squashfs server answers for names that are not there")) {
    return;
  }
  const TempDir dir = temp_dir();
  const std::string tree = dir.path() + "/tree";
  make_tree(tree);
  const MadeLayer layer = make_layer_of(tree, dir.path() + "/layer");
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");
  struct stat st {};
  for (const std::string name : {"/smal", "/smalll", "/a", "/zzz", "/etc/none", "/small/below"}) {
    for (unsigned twice = 0; twice < 2; ++twice) {
      CHECK(::lstat((server.path() + name).c_str(), &st) == -1);
    }
  }
  CHECK(::lstat((server.path() + "/" + std::string(256, 'n')).c_str(), &st) == -1);
  CHECK(errno == ENAMETOOLONG);
  // A device node is shown, but the mount makes nothing of it.
  CHECK(test::read_range(server.path() + "/device", 0, 1).error == EACCES);
  struct statvfs whole {};
  REQUIRE(::statvfs(server.path().c_str(), &whole) == 0);
  CHECK(whole.f_files >= 3013);
  CHECK(whole.f_namemax == 255);
  CHECK(whole.f_bsize == 131'072);
  CHECK(::mkdir((server.path() + "/new").c_str(), 0755) == -1);
  CHECK(errno == EROFS);
}

TEST_CASE("a block that goes bad under a squashfs server is an error for its readers only",
          "[verity][kernel]") {
  if (!test::can_mount("a block that goes bad under a squashfs server")) {
    return;
  }
  const TempDir dir = temp_dir();
  const std::string tree = dir.path() + "/tree";
  make_tree(tree);
  const MadeLayer layer = make_layer_of(tree, dir.path() + "/layer");
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");
  const std::string victim = test::read_all(tree + "/large");
  const std::size_t at = test::read_all(layer.path).find(victim.substr(3'000'000, 64));
  REQUIRE(at != std::string::npos);
  test::flip_bit(layer.path, at * 8);
  const auto outcome = test::read_whole(server.path() + "/large");
  CHECK(outcome.error == EIO);
  CHECK(victim.starts_with(outcome.bytes));
  CHECK(test::read_all(server.status_file()) ==
        "corrupt block " + std::to_string(at / kBlockSize) + "\n");
  CHECK(test::read_whole(server.path() + "/text").bytes == test::read_all(tree + "/text"));
}

TEST_CASE("a squashfs server with ids that cannot be is refused", "[verity][kernel]") {
  if (!test::can_mount("a squashfs server with ids that cannot be")) {
    return;
  }
  const TempDir dir = temp_dir();
  REQUIRE(sys::mkdir(dir.path() + "/tree", 0755));
  const MadeLayer layer = make_layer_of(dir.path() + "/tree", dir.path() + "/layer");
  const std::vector<std::vector<std::string>> bad{{"0", "0"},
                                                  {"0", "0", "0"},
                                                  {"0", "0", "65534"},
                                                  {"-1", "0", "65536"},
                                                  {"4294967295", "0", "65536"},
                                                  {"4294901761", "0", "65536"},
                                                  {"0", "4294901761", "65536"},
                                                  {"0", "0", "4294967296"},
                                                  {"0x10", "0", "65536"},
                                                  {"0", "0", "65536", "1"}};
  for (const auto& ids : bad) {
    RunningServer server(serving(layer, ids));
    CHECK(server.report().starts_with("error "));
    CHECK(server.wait(std::chrono::seconds(10)));
  }
  RunningServer server(serving(layer, {"4294901759", "0", "65536"}));
  CHECK(server.ready());
}

TEST_CASE("a squashfs server takes no file for the device by which the kernel checks",
          "[verity][kernel]") {
  if (!test::can_mount("a squashfs server takes no file for the device")) {
    return;
  }
  const TempDir dir = temp_dir();
  REQUIRE(sys::mkdir(dir.path() + "/tree", 0755));
  const MadeLayer layer = make_layer_of(dir.path() + "/tree", dir.path() + "/layer");
  RunningServer server(serving(layer, {"0", "0", "65536", "dm"}));
  CHECK(server.report() == "error the layer's verity device is none\n");
  RunningServer other(serving(layer, {"0", "0", "65536", "fuse"}));
  CHECK(other.report().starts_with("error usage"));
}

TEST_CASE("a squashfs server refuses an erofs layer before it serves", "[verity][kernel]") {
  if (!test::can_mount("a squashfs server refuses an erofs layer")) {
    return;
  }
  const TempDir dir = temp_dir();
  REQUIRE(sys::mkdir(dir.path() + "/tree", 0755));
  const std::string image = dir.path() + "/layer";
  test::run({"mkfs.erofs", "--quiet", image, dir.path() + "/tree"});
  const auto made = append_hash_tree(image);
  REQUIRE(made);
  RunningServer server(serving(MadeLayer{.path = image, .tree = *made}));
  CHECK(server.report().find("but it is erofs") != std::string::npos);
  CHECK(server.wait(std::chrono::seconds(10)));
}

TEST_CASE("no request can make a handler read what it should not", "[verity]") {
  if (!test::have("mksquashfs", "no request can make a handler read what it should not")) {
    return;
  }
  const TempDir dir = temp_dir();
  const std::string tree = dir.path() + "/tree";
  REQUIRE(sys::mkdir_all(tree + "/sub", 0755));
  test::write_all(tree + "/file", std::string(300'000, 'f'));
  const MadeLayer layer = make_layer_of(tree, dir.path() + "/layer");
  const auto fd = sys::open(layer.path, O_RDONLY);
  REQUIRE(fd);
  const auto reader = VerifiedReader::open(fd->get(), layer.tree.file_size, layer.tree.root_hash);
  REQUIRE(reader);
  FaultLog faults(-1);
  auto file = make_layer_file(*reader, faults);
  REQUIRE(file);
  auto view = make_squashfs_tree(*reader,
                                 faults,
                                 std::make_shared<BlockCache>(1 << 20),
                                 {.uid_base = 0, .gid_base = 0, .count = 65536},
                                 OverlayAttributes::kTrusted);
  REQUIRE(view);
  std::mt19937_64 random(5);
  const std::array<std::uint64_t, 8> odd{
      0, 1, 4096, std::uint64_t{1} << 31, std::uint64_t{1} << 63, UINT64_MAX, 100, 299'999};
  std::array<std::uint64_t, 64> body{};
  unsigned good = 0;
  for (unsigned i = 0; i < 30'000; ++i) {
    for (auto& word : body) {
      word = random() % 3 == 0 ? random() : odd[random() % odd.size()];
    }
    const std::size_t size = random() % (body.size() * 8 + 1);
    const FuseRequest request{.opcode = static_cast<std::uint32_t>(random() % 56),
                              .node = random() % 2 == 0 ? 1 + random() % 4 : 2 + random() % 200,
                              .body = std::as_bytes(std::span(body)).first(size)};
    for (FuseHandler* handler : {file->get(), view->get()}) {
      const FuseAnswer answer = handler->handle(request);
      CHECK(answer.error >= 0);
      good += answer.error == 0 ? 1U : 0U;
      if (answer.error == 0 && request.opcode == FUSE_READ) {
        const auto* in = request.as<fuse_read_in>();
        REQUIRE(in != nullptr);
        REQUIRE(answer.data.size() <= in->size);
      }
    }
  }
  CHECK(good > 100);
}

}  // namespace mosb::verity
