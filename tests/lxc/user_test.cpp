#include "lxc/user.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

constexpr std::uint32_t kCount = 65536;

struct Image {
  TempDir dir = *TempDir::make("/tmp", "mosb-user-test-");
  Image() {
    REQUIRE(sys::mkdir(dir.path() + "/etc", 0755));
    write("passwd",
          "root:x:0:0:root:/root:/bin/sh\nbroken line\nweb:x:33:34:Web:/srv:/bin/false\n"
          "far:x:70000:70000::/:/bin/sh\n123:x:50:51::/:/bin/sh\n");
    write("group", "root:x:0:\nweb:x:34:\nlogs:x:40:web,other\nmore:x:41:web\nx:y\n");
  }
  void write(const std::string& name, const std::string& text) const {
    REQUIRE(write_file_atomic(dir.path() + "/etc/" + name, text, 0644));
  }
  Result<UserIds> find(const std::string& user) const {
    return resolve_user(dir.path(), user, kCount);
  }
};

}  // namespace

TEST_CASE("users and groups are found by name and number in the image", "[lxc]") {
  const Image image;
  CHECK(*image.find("") == UserIds{0, 0, {}, "/root"});
  CHECK(*image.find("web") == UserIds{33, 34, {40, 41}, "/srv"});
  CHECK(*image.find("33") == UserIds{33, 34, {40, 41}, "/srv"});
  CHECK(*image.find("web:logs") == UserIds{33, 40, {}, "/srv"});
  CHECK(*image.find("web:7") == UserIds{33, 7, {}, "/srv"});
  CHECK(*image.find("999") == UserIds{999, 0, {}, "/"});
  CHECK(*image.find("999:998") == UserIds{999, 998, {}, "/"});
}

TEST_CASE("a user whose name is a number is found by name first", "[lxc]") {
  CHECK(Image().find("123")->uid == 50);
}

TEST_CASE("unknown names and ids out of range are refused by name", "[lxc]") {
  const Image image;
  for (const std::string user : {"nobody",
                                 "web:nogroup",
                                 "far",
                                 "70000",
                                 "0:65536",
                                 "-1",
                                 "4294967296",
                                 "web:",
                                 "we b",
                                 "a\nb",
                                 ":logs:x"}) {
    INFO(user);
    const auto found = image.find(user);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == Errc::kRuntime);
  }
}

TEST_CASE("an image without users has numbers only", "[lxc]") {
  const TempDir empty = *TempDir::make("/tmp", "mosb-user-test-");
  CHECK(*resolve_user(empty.path(), "5:6", kCount) == UserIds{5, 6, {}, "/"});
  CHECK(*resolve_user(empty.path(), "", kCount) == UserIds{0, 0, {}, "/"});
  CHECK_FALSE(resolve_user(empty.path(), "web", kCount));
}

TEST_CASE("the host's users are never read, whatever the image's files are", "[lxc]") {
  const Image image;
  const std::string passwd = image.dir.path() + "/etc/passwd";
  REQUIRE(sys::unlink(passwd));
  SECTION("a symlink that leaves the image") {
    REQUIRE(::symlink("../../../../../../etc/passwd", passwd.c_str()) == 0);
    CHECK_FALSE(image.find("daemon"));
  }
  SECTION("an absolute symlink stays inside") {
    image.write("users", "inside:x:77:78::/:\n");
    REQUIRE(::symlink("/etc/users", passwd.c_str()) == 0);
    CHECK(image.find("inside")->uid == 77);
  }
  SECTION("a FIFO does not hold us up") {
    REQUIRE(::mkfifo(passwd.c_str(), 0644) == 0);
    CHECK_FALSE(image.find("web"));
  }
  SECTION("a directory") {
    REQUIRE(::mkdir(passwd.c_str(), 0755) == 0);
    CHECK_FALSE(image.find("web"));
  }
  SECTION("a huge file") {
    image.write("passwd", std::string(2 * kMiB, 'a'));
    CHECK_FALSE(image.find("web"));
  }
}
