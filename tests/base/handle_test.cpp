#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>

#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/owned.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/unique_fd.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

namespace {

std::vector<std::string>& closed() {
  static std::vector<std::string> names;
  return names;
}

struct NameTraits {
  using Resource = std::string;
  static Status close(const std::string& name) {
    closed().push_back(name);
    if (name == "stuck") {
      return Error(Errc::kBusy, "stuck");
    }
    return ok();
  }
};
using Name = Owned<NameTraits>;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

int open_null() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

TEST_CASE("a handle releases its object once, also when it is moved", "[base]") {
  closed().clear();
  {
    Name a("a");
    Name b(std::move(a));
    CHECK(b.get() == "a");
    CHECK(closed().empty());
  }
  CHECK(closed() == std::vector<std::string>{"a"});
}

TEST_CASE("a handle that is assigned to releases what it held", "[base]") {
  closed().clear();
  {
    Name a("old");
    a = Name("new");
    CHECK(closed() == std::vector<std::string>{"old"});
    CHECK(a.get() == "new");
  }
  CHECK(closed() == std::vector<std::string>{"old", "new"});
}

TEST_CASE("closing a handle reports its failure, and only the first close does anything",
          "[base]") {
  closed().clear();
  Name a("stuck");
  CHECK(a.close().error().code() == Errc::kBusy);
  CHECK(a.close());
  CHECK(closed().size() == 1);
}

TEST_CASE("a released object stays", "[base]") {
  closed().clear();
  {
    Name a("kept");
    CHECK(a.release() == "kept");
  }
  CHECK(closed().empty());
}

TEST_CASE("a descriptor is closed with its owner, moved with it and given away by release",
          "[base]") {
  const int number = open_null();
  REQUIRE(number >= 0);
  {
    UniqueFd fd(number);
    UniqueFd moved(std::move(fd));
    CHECK(moved.get() == number);
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
  UniqueFd first(open_null());
  UniqueFd second(open_null());
  const int old = first.get();
  const int kept = second.get();
  first = std::move(second);
  CHECK_FALSE(is_open(old));
  CHECK(first.get() == kept);
  CHECK(first.release() == kept);
  CHECK(is_open(kept));
  UniqueFd again(kept);
  again.reset();
  CHECK_FALSE(again.is_open());
  CHECK_FALSE(is_open(kept));
}

TEST_CASE("a scope's exit runs unless it is dismissed", "[base]") {
  int runs = 0;
  {
    const ScopeExit exit([&] { ++runs; });
  }
  {
    ScopeExit exit([&] { ++runs; });
    exit.dismiss();
  }
  CHECK(runs == 1);
}

TEST_CASE("a temporary directory is private and goes with everything in it", "[base]") {
  std::string path;
  {
    const auto dir = TempDir::make("/tmp", "mosb-test-");
    REQUIRE(dir);
    path = dir->path();
    const auto st = sys::lstat(path);
    REQUIRE(st);
    CHECK((st->st_mode & 07777U) == 0700);
    REQUIRE(sys::mkdir_all(path + "/a/b", 0700));
    REQUIRE(write_file_atomic(path + "/a/b/c", "x", 0400));
  }
  CHECK_FALSE(path_exists(path));
  CHECK_FALSE(TempDir::make("/nonexistent", "x"));
}

TEST_CASE("a lock is held by one at a time and freed with its owner", "[base]") {
  const auto dir = TempDir::make("/tmp", "mosb-test-");
  REQUIRE(dir);
  const std::string path = dir->path() + "/lock";
  {
    const auto first = FileLock::acquire(path);
    REQUIRE(first);
    const auto second = FileLock::acquire(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == Errc::kBusy);
    CHECK((sys::lstat(path)->st_mode & 07777U) == 0600);
  }
  CHECK(FileLock::wait(path));
}
