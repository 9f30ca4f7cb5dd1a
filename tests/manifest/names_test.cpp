#include "mosb/manifest/names.h"

#include <string>

#include <catch2/catch.hpp>

namespace m = mosb::manifest;

TEST_CASE("service names are those that can be a path, a cgroup and a host name", "[manifest]") {
  for (const char* good : {"a", "web", "web-1", "0", "a--b"}) {
    CHECK(m::check_service_name(good));
  }
  CHECK(m::check_service_name(std::string(63, 'a')));
  for (const std::string& bad : {std::string(),
                                 std::string(64, 'a'),
                                 std::string(".."),
                                 std::string("a/b"),
                                 std::string("-rf"),
                                 std::string("a-"),
                                 std::string("con\n"),
                                 std::string("a\0b", 3),
                                 std::string("w\xd0\xb5"
                                             "b"),
                                 std::string(".a"),
                                 std::string("Web"),
                                 std::string("a_b"),
                                 std::string("a b")}) {
    CAPTURE(bad);
    CHECK_FALSE(m::check_service_name(bad));
  }
}

TEST_CASE("a mount destination is normalised and leaves the container's own mounts alone",
          "[manifest]") {
  for (const char* good : {"/data", "/var/lib/x", "/etc/ssl", "/devices", "/proc2", "/a..b/.c"}) {
    CHECK(m::check_mount_dest(good));
  }
  for (const std::string& bad : {std::string(),
                                 std::string("/"),
                                 std::string("//"),
                                 std::string("data"),
                                 std::string("./data"),
                                 std::string("/proc"),
                                 std::string("/proc/sys"),
                                 std::string("/sys/fs/cgroup"),
                                 std::string("/dev"),
                                 std::string("/dev/shm"),
                                 std::string("/etc/../proc"),
                                 std::string("/a/./b"),
                                 std::string("//x"),
                                 std::string("/x//y"),
                                 std::string("/x/"),
                                 std::string("/x y"),
                                 std::string("/x\ny"),
                                 std::string("/x\\040y"),
                                 std::string("/x\0y", 4),
                                 "/" + std::string(4096, 'x')}) {
    CAPTURE(bad);
    CHECK_FALSE(m::check_mount_dest(bad));
  }
}

TEST_CASE("labels name a directory and never a partition of the machine", "[manifest]") {
  CHECK(m::check_label("zot-data"));
  CHECK(m::check_label("A.b_c"));
  for (const char* bad : {"",
                          "..",
                          ".",
                          "../x",
                          "a/b",
                          "-o remount",
                          "a b",
                          "a\nb",
                          "esp",
                          "efi",
                          "machine-config",
                          "machine-store",
                          "machine-scratch",
                          "a-"}) {
    CAPTURE(bad);
    CHECK_FALSE(m::check_label(bad));
  }
}

TEST_CASE("users are names or numbers, never paths", "[manifest]") {
  for (const char* good : {"root", "1000", "1000:1000", "www-data:adm", "_apt"}) {
    CAPTURE(good);
    CHECK(m::check_user(good));
  }
  for (const char* bad : {"", ":", "a:", ":a", "a:b:c", "/bin/sh", "a b", "a\nb", "-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(m::check_user(bad));
  }
}

TEST_CASE("host names and variable names are checked", "[manifest]") {
  CHECK(m::check_hostname("Web-1"));
  CHECK_FALSE(m::check_hostname("a.b"));
  CHECK_FALSE(m::check_hostname("a\nb"));
  CHECK_FALSE(m::check_hostname("-a"));
  CHECK(m::check_variable_name("PATH"));
  CHECK(m::check_variable_name("a.b-c"));
  CHECK_FALSE(m::check_variable_name(""));
  CHECK_FALSE(m::check_variable_name("A=B"));
  CHECK_FALSE(m::check_variable_name("A\nB"));
}

TEST_CASE("paths overlap when one lies in the other", "[manifest]") {
  CHECK(m::paths_overlap("/a", "/a"));
  CHECK(m::paths_overlap("/a/b", "/a"));
  CHECK(m::paths_overlap("/", "/a"));
  CHECK_FALSE(m::paths_overlap("/ab", "/a"));
  CHECK_FALSE(m::paths_overlap("/a", "/b"));
}
