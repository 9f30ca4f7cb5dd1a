#include <filesystem>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "mosb/base/file.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace fs = std::filesystem;

namespace {

/// Starts, expects a refusal that says `word`, and nothing left.
void check_refused(Box& box, Errc code, const std::string& word) {
  const Status started = start(box.spec, box.environment);
  REQUIRE_FALSE(started);
  INFO(started.error().message());
  CHECK(started.error().code() == code);
  CHECK(started.error().message().find(word) != std::string::npos);
  CHECK(leftovers(box.id()).empty());
  CHECK(box.facts().state != RunState::kRunning);
}

}  // namespace

TEST_CASE("a program that the image does not have is refused by name", "[lxc]") {
  Box box;
  box.spec.process.argv = {"/bin/no such"};
  check_refused(box, Errc::kRuntime, "'/bin/no such'");
  CHECK(box.facts().last_exit->code == 125);
}

TEST_CASE("a file that is no program is refused by name", "[lxc]") {
  Box box;
  box.spec.process.argv = {"/etc"};
  check_refused(box, Errc::kRuntime, "'/etc': Permission denied");
}

TEST_CASE("symlinks and files where the kernel's file systems go are refused", "[lxc]") {
  for (const std::string name : {"dev", "proc", "sys"}) {
    DYNAMIC_SECTION(name << " as a symlink") {
      Box box;
      const std::string outside = box.make_volume("outside");
      fs::remove(box.spec.rootfs + "/" + name);
      fs::create_symlink(outside, box.spec.rootfs + "/" + name);
      check_refused(box, Errc::kRuntime, "'/" + name + "'");
      CHECK(fs::is_empty(outside));
    }
    DYNAMIC_SECTION(name << " as a file") {
      Box box;
      fs::remove(box.spec.rootfs + "/" + name);
      REQUIRE(write_file_atomic(box.spec.rootfs + "/" + name, "x", 0644));
      check_refused(box, Errc::kRuntime, "'/" + name + "'");
    }
  }
}

TEST_CASE("a read-only root that lacks what the start needs is refused by name", "[lxc]") {
  Box box;
  box.spec.rootfs_readonly = true;
  SECTION("a mount destination") {
    box.spec.mounts = {{box.make_volume("data"), "/var/lib/data", false}};
    check_refused(box, Errc::kRuntime, "'/var/lib/data'");
  }
  SECTION("the working directory") {
    box.spec.process.cwd = "/app";
    check_refused(box, Errc::kRuntime, "working directory '/app'");
  }
  SECTION("/proc") {
    fs::remove(box.spec.rootfs + "/proc");
    check_refused(box, Errc::kRuntime, "'/proc'");
  }
  CHECK_FALSE(path_exists(box.spec.rootfs + "/var"));
}

TEST_CASE("a mount destination through a symlink is refused and nothing appears outside", "[lxc]") {
  Box box;
  const std::string outside = box.make_volume("outside");
  fs::create_symlink(outside, box.spec.rootfs + "/srv/link");
  box.spec.mounts = {{box.make_volume("data"), "/srv/link/new", false}};
  check_refused(box, Errc::kRuntime, "'/srv/link/new'");
  CHECK(fs::is_empty(outside));
}

TEST_CASE("a mount source that is missing or no directory is refused by name", "[lxc]") {
  Box box;
  box.spec.mounts = {{box.dir() + "/missing", "/srv", false}};
  check_refused(box, Errc::kRuntime, "/missing'");
  REQUIRE(::symlink("/etc", (box.dir() + "/missing").c_str()) == 0);
  check_refused(box, Errc::kRuntime, "/missing' is not a directory");
}

TEST_CASE("a NUL in an argument or the environment is refused before anything is made", "[lxc]") {
  Box box;
  box.spec.process.env.emplace_back("A=1\0B=2", 7);
  check_refused(box, Errc::kRuntime, "NUL");
  CHECK_FALSE(path_exists(box.spec.log_path));
}

TEST_CASE("a helper that is not installed is an error that names it", "[lxc]") {
  Box box;
  box.environment.libexec_dir = "/nonexistent";
  check_refused(box, Errc::kRuntime, "/nonexistent/mosb-run");
}

TEST_CASE("a log that cannot be opened is refused before the container is made", "[lxc]") {
  Box box;
  fs::create_directories(box.spec.log_path);
  check_refused(box, Errc::kRuntime, "log");
}
