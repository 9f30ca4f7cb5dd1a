#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace fs = std::filesystem;

namespace {

/// Writes into the file that is there, if there is one.
void write_in_place(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  // Who may write is then no reason for a refusal.
  REQUIRE(::chmod(path.c_str(), 0666) == 0);
}

std::string content(const std::string& path) {
  const auto text = read_file(path, ByteCount{kMiB});
  return text ? *text : "error: " + text.error().message();
}

/// A box with a file to be bound at /etc/hosts; its root owns its own /etc as in an image.
std::string prepare(Box& box) {
  const std::string source = box.dir() + "/hosts";
  write_in_place(source, "first\n");
  for (const char* dir : {"", "/etc"}) {
    const std::string path = box.spec.rootfs + dir;
    REQUIRE(::chown(path.c_str(), box.spec.idmap->host_base, box.spec.idmap->host_base) == 0);
  }
  box.spec.files = {{source, "/etc/hosts"}};
  return source;
}

/// Starts, expects a refusal that says `word`, and nothing left. The value is its hint.
std::string check_refused(Box& box, const std::string& word) {
  const Status started = start(box.spec, box.environment);
  REQUIRE_FALSE(started);
  INFO(started.error().message());
  CHECK(started.error().code() == Errc::kRuntime);
  CHECK(started.error().message().find(word) != std::string::npos);
  CHECK(leftovers(box.id()).empty());
  return started.error().hint();
}

struct stat stat_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st;
}

}  // namespace

TEST_CASE("a bound file is read, is never written, and shows what is written into it outside",
          "[lxc]") {
  for (const bool readonly : {false, true}) {
    DYNAMIC_SECTION((readonly ? "read-only root" : "writable root")) {
      Box box;
      const std::string source = prepare(box);
      box.spec.rootfs_readonly = readonly;
      write_in_place(box.spec.rootfs + "/etc/hosts", "of the image\n");
      box.script("cat /etc/hosts; echo x > /etc/hosts; sleep 1000");
      box.start();
      box.wait_for_log("Read-only file system");
      CHECK(box.log().compare(0, 6, "first\n") == 0);
      CHECK(box.run({"busybox", "umount", "/etc/hosts"}) != 0);
      CHECK(box.run({"busybox", "mv", "/etc/hosts", "/etc/x"}) != 0);
      CHECK(box.run({"busybox", "rm", "/etc/hosts"}) != 0);
      CHECK(box.run({"sh", "-c", "echo x >> /etc/hosts"}) != 0);
      write_in_place(source, "second\n");
      CHECK(box.output_of({"cat", "/etc/hosts"}) == "second\n");
      REQUIRE(stop(box.id(), 9, std::chrono::seconds(5)));
      CHECK(content(box.spec.rootfs + "/etc/hosts") == "of the image\n");
      CHECK(content(source) == "second\n");
    }
  }
}

TEST_CASE("a file that a writable root lacks is made as its root's own", "[lxc]") {
  Box box;
  const std::string source = prepare(box);
  box.spec.files.push_back({source, "/etc/new/deep/file name"});
  box.script("cat '/etc/new/deep/file name'; sleep 1000");
  box.start();
  box.wait_for_log("first");
  for (const char* path : {"/etc/hosts", "/etc/new", "/etc/new/deep/file name"}) {
    CHECK(stat_of(box.spec.rootfs + path).st_uid == box.spec.idmap->host_base);
  }
  CHECK(content(box.spec.rootfs + "/etc/hosts").empty());
}

TEST_CASE("a symlink in the place of a bound file is replaced and nothing is written through it",
          "[lxc]") {
  Box box;
  prepare(box);
  const std::string place = box.spec.rootfs + "/etc/hosts";
  const std::string outside = box.dir() + "/outside";
  write_in_place(outside, "outside\n");
  const std::string passwd = content("/etc/passwd");
  SECTION("to a file of the host") {
    fs::create_symlink(outside, place);
  }
  SECTION("to a file that both have") {
    write_in_place(box.spec.rootfs + "/etc/passwd", "inside\n");
    fs::create_symlink("/etc/passwd", place);
  }
  SECTION("out of the root") {
    fs::create_symlink("../../outside", place);
  }
  SECTION("to nothing") {
    fs::create_symlink(box.dir() + "/new", place);
  }
  SECTION("and a FIFO") {
    REQUIRE(::mkfifo(place.c_str(), 0666) == 0);
  }
  box.script("cat /etc/hosts; sleep 1000");
  box.start();
  box.wait_for_log("first");
  CHECK(S_ISREG(stat_of(place).st_mode));
  CHECK(stat_of(place).st_size == 0);
  CHECK(content(outside) == "outside\n");
  CHECK(content("/etc/passwd") == passwd);
  CHECK_FALSE(path_exists(box.dir() + "/new"));
}

TEST_CASE("a read-only root without a file in the place of a bound one is refused with a hint",
          "[lxc]") {
  Box box;
  prepare(box);
  box.spec.rootfs_readonly = true;
  const std::string place = box.spec.rootfs + "/etc/hosts";
  std::string word = "no file '/etc/hosts'";
  SECTION("missing") {}
  SECTION("with its directory") {
    fs::remove(box.spec.rootfs + "/etc");
  }
  SECTION("a symlink to a file") {
    write_in_place(box.spec.rootfs + "/etc/real", "real\n");
    fs::create_symlink("real", place);
    word = "symlink or special file at '/etc/hosts'";
  }
  SECTION("a symlink to nothing") {
    fs::create_symlink("/nowhere", place);
    word = "symlink or special file at '/etc/hosts'";
  }
  CHECK_THAT(check_refused(box, word), Catch::Contains("put an empty file there"));
}

TEST_CASE("a directory in the place of a bound file, or a symlink on the way, is refused",
          "[lxc]") {
  Box box;
  prepare(box);
  const std::string outside = box.make_volume("outside");
  std::string word = "on the way to '/etc/hosts'";
  box.spec.rootfs_readonly = GENERATE(false, true);
  SECTION("a directory") {
    fs::create_directory(box.spec.rootfs + "/etc/hosts");
    word = "a directory at '/etc/hosts'";
  }
  SECTION("a symlink to the host") {
    fs::remove(box.spec.rootfs + "/etc");
    fs::create_symlink(outside, box.spec.rootfs + "/etc");
  }
  SECTION("a symlink within the image") {
    fs::remove(box.spec.rootfs + "/etc");
    fs::create_symlink("srv", box.spec.rootfs + "/etc");
  }
  SECTION("a file") {
    fs::remove(box.spec.rootfs + "/etc");
    write_in_place(box.spec.rootfs + "/etc", "");
  }
  check_refused(box, word);
  CHECK(fs::is_empty(outside));
  CHECK(fs::is_empty(box.spec.rootfs + "/srv"));
}

TEST_CASE("what is bound must be a regular file of the host itself", "[lxc]") {
  Box box;
  const std::string source = prepare(box);
  fs::remove(source);
  SECTION("missing") {
    check_refused(box, "/hosts'");
  }
  SECTION("a symlink") {
    fs::create_symlink("/etc/passwd", source);
    check_refused(box, "/hosts' is not a regular file");
  }
  SECTION("a directory") {
    fs::create_directory(source);
    check_refused(box, "/hosts' is not a regular file");
  }
  SECTION("a device") {
    REQUIRE(::mknod(source.c_str(), S_IFCHR | 0666, 0x103) == 0);
    check_refused(box, "/hosts' is not a regular file");
  }
}

TEST_CASE("at or below a volume's destination the volume wins over a bound file", "[lxc]") {
  Box box;
  const std::string source = prepare(box);
  const std::string data = box.make_volume("data");
  box.spec.mounts = {{data, "/srv", false}};
  box.spec.files = {{source, "/srv/hosts"}, {source, "/srv"}};
  SECTION("below") {
    box.spec.files.pop_back();
  }
  SECTION("at") {
    box.spec.files.erase(box.spec.files.begin());
  }
  box.script("touch /srv/mine; ls /srv; echo over; sleep 1000");
  box.start();
  box.wait_for_log("over");
  CHECK(box.log() == "mine\nover\n");
  CHECK_FALSE(path_exists(data + "/hosts"));
  CHECK(fs::is_empty(box.spec.rootfs + "/srv"));
}
