#include "mosb/trust/trusted_file.h"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mosb/base/unique_fd.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

namespace fs = std::filesystem;
using test::must;
using test::write_file;

constexpr ByteCount kLimit{100};

/// Another user while it lives; a test that runs as one has nothing to change to.
struct As {
  explicit As(uid_t uid) { REQUIRE(::seteuid(uid) == 0); }
  As(const As&) = delete;
  As& operator=(const As&) = delete;
  As(As&&) = delete;
  As& operator=(As&&) = delete;
  ~As() { (void)::seteuid(0); }
};

void refuses(const Status& status, const char* reason) {
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kPolicy);
  INFO(status.error().message());
  CHECK(status.error().message().find(reason) != std::string::npos);
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? ok() : Status(result.error());
}

TEST_CASE("trusted are regular files and directories only, each where it is meant", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const std::string file = dir.path() + "/file";
  write_file(file, "text");
  CHECK(must(read_trusted_file(file, kLimit)) == "text");
  CHECK(check_trusted_directory(dir.path()));
  refuses(check_trusted_directory(file), "is not a directory");
  refuses(status_of(list_trusted_directory(file, 10)), "is not a directory");
  refuses(status_of(read_trusted_file(dir.path(), kLimit)), "is not a regular file");
  const std::string fifo = dir.path() + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  refuses(status_of(read_trusted_file(fifo, kLimit)), "is not a regular file");
  refuses(status_of(read_key_file(fifo)), "is not a regular file");
  const std::string socket_path = dir.path() + "/socket";
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  refuses(status_of(read_trusted_file(socket_path, kLimit)), "");
  const auto missing = read_trusted_file(dir.path() + "/none", kLimit);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::kNotFound);
}

TEST_CASE("a trusted directory's names are listed in order, up to a number", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  for (const char* const name : {"/c", "/a", "/b"}) {
    write_file(dir.path() + name, "");
  }
  CHECK(must(list_trusted_directory(dir.path(), 3)) == std::vector<std::string>{"a", "b", "c"});
  refuses(status_of(list_trusted_directory(dir.path(), 2)), "more than 2 entries");
}

TEST_CASE("trusted files are root's or the user's own", "[trust]") {
  if (::geteuid() != 0) {
    return;
  }
  constexpr uid_t kUser = 12345;
  const TempDir dir = test::make_temp_dir();
  fs::permissions(dir.path(), fs::perms(0755));
  // From inside: that user may not enter what lies above.
  struct Inside {
    fs::path before = fs::current_path();
    explicit Inside(const std::string& dir) { fs::current_path(dir); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    Inside(Inside&&) = delete;
    Inside& operator=(Inside&&) = delete;
    ~Inside() { fs::current_path(before); }
  } const inside(dir.path());
  const auto file = [&](const std::string& name, uid_t owner) {
    write_file(name, "text");
    REQUIRE(::chown(name.c_str(), owner, 0) == 0);
    return name;
  };
  const std::string roots = file("root", 0);
  const std::string users = file("user", kUser);
  const std::string others = file("other", kUser + 1);
  CHECK(read_trusted_file(roots, kLimit));
  refuses(status_of(read_trusted_file(users, kLimit)), "belongs to user 12345");
  const As user(kUser);
  CHECK(read_trusted_file(roots, kLimit));
  CHECK(read_trusted_file(users, kLimit));
  refuses(status_of(read_trusted_file(others, kLimit)), "belongs to user 12346");
}

}  // namespace
}  // namespace mosb::trust
