#include "mosb/base/file.h"

#include <cerrno>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/disk_space.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;

namespace {

constexpr ByteCount kLimit{100};

class Place {
 public:
  std::string operator/(const std::string& name) const { return dir_.path() + "/" + name; }
  const std::string& path() const { return dir_.path(); }

 private:
  static TempDir make() {
    auto dir = TempDir::make("/tmp", "mosb-test-");
    REQUIRE(dir);
    return *std::move(dir);
  }
  TempDir dir_ = make();
};

std::string list(const std::string& dir) {
  RealProcessRunner runner;
  const auto done = runner.run({.argv = {"ls", "-A", dir}});
  REQUIRE(done);
  return done->out;
}

}  // namespace

TEST_CASE("a regular file is read whole, up to the limit", "[base]") {
  const Place place;
  REQUIRE(write_file_atomic(place / "f", std::string(100, 'x'), 0644));
  CHECK(read_file(place / "f", kLimit)->size() == 100);
  REQUIRE(write_file_atomic(place / "f", std::string(101, 'x'), 0644));
  const auto large = read_file(place / "f", kLimit);
  REQUIRE_FALSE(large);
  CHECK(large.error().code() == Errc::kContent);
  REQUIRE(write_file_atomic(place / "f", "", 0644));
  CHECK(read_file(place / "f", kLimit)->empty());
  CHECK(read_file(place / "none", kLimit).error().code() == Errc::kNotFound);
}

TEST_CASE("a symlink, a device, a FIFO and a directory are not read as files", "[base]") {
  const Place place;
  REQUIRE(write_file_atomic(place / "f", "x", 0644));
  REQUIRE(::symlink("f", (place / "link").c_str()) == 0);
  REQUIRE(::mkfifo((place / "fifo").c_str(), 0600) == 0);
  CHECK_FALSE(read_file(place / "link", kLimit));
  CHECK(*read_named_file(place / "link", kLimit) == "x");
  for (const std::string& path : {place / "fifo", std::string("/dev/zero"), place.path()}) {
    CAPTURE(path);
    CHECK_FALSE(read_file(path, kLimit));
    CHECK_FALSE(read_named_file(path, kLimit));
  }
}

TEST_CASE("kernel files are read although their size shows as zero", "[base]") {
  const auto status = read_kernel_file("/proc/self/status", ByteCount{64 * kKiB});
  REQUIRE(status);
  CHECK_THAT(*status, Contains("Name:"));
  CHECK_FALSE(read_kernel_file("/proc/self/status", ByteCount{10}));
}

TEST_CASE("a file is replaced whole, with the mode asked for and nothing left beside it",
          "[base]") {
  for (const auto write : {write_file_atomic, replace_file}) {
    const Place place;
    const mode_t old = ::umask(0077);
    REQUIRE(write(place / "f", "one", 0644));
    ::umask(old);
    CHECK((sys::lstat(place / "f")->st_mode & 07777U) == 0644);
    REQUIRE(write(place / "f", "two", 0600));
    CHECK(*read_file(place / "f", kLimit) == "two");
    CHECK((sys::lstat(place / "f")->st_mode & 07777U) == 0600);
    CHECK(list(place.path()) == "f\n");
  }
}

TEST_CASE("a file that cannot be replaced leaves nothing beside it", "[base]") {
  const Place place;
  REQUIRE(sys::mkdir(place / "dir", 0700));
  REQUIRE(sys::mkdir(place / "dir/full", 0700));
  CHECK_FALSE(write_file_atomic(place / "dir", "x", 0600));
  CHECK(list(place.path()) == "dir\n");
  CHECK_FALSE(write_file_atomic(place / "none/f", "x", 0600));
}

TEST_CASE("replacing a symlink replaces the link and not what it names", "[base]") {
  const Place place;
  REQUIRE(write_file_atomic(place / "target", "old", 0600));
  REQUIRE(::symlink("target", (place / "link").c_str()) == 0);
  REQUIRE(write_file_atomic(place / "link", "new", 0600));
  CHECK(*read_file(place / "target", kLimit) == "old");
  CHECK(*read_file(place / "link", kLimit) == "new");
}

TEST_CASE("what a dead writer left is removed, and nothing else", "[base]") {
  const Place place;
  REQUIRE(write_file_atomic(place / "f", "x", 0600));
  REQUIRE(write_file_atomic(place / "f.tmp-0123456789abcdef", "x", 0600));
  REQUIRE(write_file_atomic(place / "f.tmp-0123", "x", 0600));
  REQUIRE(remove_stale_temps(place.path()));
  CHECK(*list_dir(place.path()) == std::vector<std::string>{"f", "f.tmp-0123"});
  CHECK(remove_stale_temps(place / "none"));
}

TEST_CASE("a directory's names come sorted and a missing one is not found", "[base]") {
  const Place place;
  CHECK(list_dir(place.path())->empty());
  for (const char* name : {"b", "a", ".c"}) {
    REQUIRE(write_file_atomic(place / name, "", 0600));
  }
  CHECK(*list_dir(place.path()) == std::vector<std::string>{".c", "a", "b"});
  CHECK(list_dir(place / "none").error().code() == Errc::kNotFound);
}

TEST_CASE("room on a file system is seen and can be reserved", "[base]") {
  const Place place;
  const auto room = free_space(place.path());
  REQUIRE(room);
  CHECK(room->value > 0);
  const auto fd = sys::open(place / "f", O_RDWR | O_CREAT, 0600);
  REQUIRE(fd);
  REQUIRE(reserve_space(fd->get(), ByteCount{1 * kMiB}, "f"));
  CHECK(sys::fstat(fd->get(), "f")->st_size == 0);
  const auto too_much = reserve_space(fd->get(), ByteCount{room->value + (1ULL << 50U)}, "f");
  CHECK((too_much || too_much.error().code() == Errc::kResource));
}

TEST_CASE("a tree is removed without following its symlinks", "[base]") {
  const Place place;
  REQUIRE(sys::mkdir_all(place / "tree/a/b", 0700));
  REQUIRE(write_file_atomic(place / "kept", "x", 0600));
  REQUIRE(write_file_atomic(place / "tree/a/f", "x", 0600));
  REQUIRE(::symlink(place.path().c_str(), (place / "tree/a/out").c_str()) == 0);
  REQUIRE(remove_tree(place / "tree"));
  CHECK(list(place.path()) == "kept\n");
  CHECK(remove_tree(place / "tree"));
  REQUIRE(remove_tree(place / "kept"));
  CHECK_FALSE(path_exists(place / "kept"));
}

TEST_CASE("directories are made on the way and those that are there stay", "[base]") {
  const Place place;
  REQUIRE(sys::mkdir_all(place / "a/b/c", 0750));
  REQUIRE(sys::mkdir_all(place / "a/b/c", 0700));
  CHECK((sys::lstat(place / "a/b")->st_mode & 07777U) == 0750);
  REQUIRE(write_file_atomic(place / "file", "x", 0600));
  CHECK_FALSE(sys::mkdir_all(place / "file/x", 0700));
}

TEST_CASE("descriptors are closed on exec and errors name the path", "[base]") {
  const Place place;
  const auto fd = sys::open(place / "f", O_RDWR | O_CREAT, 0600);
  REQUIRE(fd);
  CHECK((static_cast<unsigned>(::fcntl(fd->get(), F_GETFD)) & FD_CLOEXEC) != 0);
  const auto none = sys::open(place / "none", O_RDONLY);
  REQUIRE_FALSE(none);
  CHECK(none.error().sys_errno() == ENOENT);
  CHECK_THAT(none.error().message(), Contains("none'"));
}
