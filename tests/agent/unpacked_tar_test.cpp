#include "mosb/agent/unpacked_tar.h"

#include <array>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;         // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::agent;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

/// A directory with a tar of these entries (see tests/support/make_tar.py), as they are, and one to
/// unpack it in.
class Bench {
 public:
  explicit Bench(const std::string& entries) {
    fs::create_directory(tree());
    fs::create_directory(outside());
    RealProcessRunner processes;
    const Completed made = must(processes.run(
        Command{{MOSB_TEST_DATA "/../support/make_tar.py", tar()}, {"PATH=/usr/bin"}, entries}));
    INFO(made.err);
    REQUIRE(made.status == 0);
  }

  Status unpack() { return unpack_tar(tar(), RootDirectory{0750, 7, 8}, tree()); }
  std::string refusal() {
    const Status status = unpack();
    REQUIRE_FALSE(status);
    CHECK(status.error().code() == Errc::kContent);
    // Nothing came of it beside the directory.
    CHECK(fs::is_empty(outside()));
    return status.error().message();
  }
  std::string tree() const { return dir_.path() + "/tree"; }
  std::string tar() const { return dir_.path() + "/tar"; }
  std::string outside() const { return dir_.path() + "/outside"; }

  struct stat look(const std::string& name) const {
    struct stat st {};
    REQUIRE(::lstat((tree() + "/" + name).c_str(), &st) == 0);
    return st;
  }

 private:
  TempDir dir_ = must(TempDir::make("/var/tmp", "mosb-test-"));
};

}  // namespace

TEST_CASE("a tar is unpacked with owners, modes, devices, links and attributes", "[image]") {
  std::string zeros;
  for (int i = 0; i < 1'000'000; ++i) {
    zeros += "\\u0000";
  }
  Bench bench(R"([
    {"path": "a/b/early", "data": "before its directory"},
    {"path": "a", "type": "dir", "mode": 1016, "uid": 40000},
    {"path": "tool", "mode": 3565, "data": "x", "uid": 5,
     "xattrs": {"user.color": "blue", "trusted.note": "n"}},
    {"path": "same", "type": "link", "to": "tool"},
    {"path": "link", "type": "symlink", "to": "/etc/passwd", "uid": 9},
    {"path": "null", "type": "char", "mode": 400, "major": 1, "minor": 3},
    {"path": "pipe", "type": "fifo", "mode": 384},
    {"path": "sparse", "data": ")" +
              zeros + R"(end"}])");
  must(bench.unpack());
  CHECK(bench.look("").st_mode == (S_IFDIR | 0750U));
  CHECK(bench.look("").st_uid == 7);
  CHECK(bench.look("").st_gid == 8);
  CHECK(bench.look("a").st_mode == (S_IFDIR | 01770U));
  CHECK(bench.look("a").st_uid == 40'000);
  CHECK(bench.look("a/b").st_mode == (S_IFDIR | 0755U));
  CHECK(bench.look("a/b").st_uid == 0);
  CHECK(bench.look("tool").st_mode == (S_IFREG | 06755U));
  CHECK(bench.look("tool").st_nlink == 2);
  CHECK(bench.look("same").st_ino == bench.look("tool").st_ino);
  CHECK(bench.look("link").st_uid == 9);
  CHECK(fs::read_symlink(bench.tree() + "/link") == "/etc/passwd");
  CHECK(bench.look("null").st_mode == (S_IFCHR | 0620U));
  CHECK(bench.look("null").st_rdev == makedev(1, 3));
  CHECK(bench.look("pipe").st_mode == (S_IFIFO | 0600U));
  CHECK(bench.look("sparse").st_size == 1'000'003);
  CHECK(bench.look("sparse").st_blocks < 500);
  CHECK(must(read_file(bench.tree() + "/sparse", ByteCount{2 * kMiB})).substr(1'000'000) == "end");
  std::array<char, 16> value{};
  const std::string tool = bench.tree() + "/tool";
  CHECK(::getxattr(tool.c_str(), "user.color", value.data(), value.size()) == 4);
  CHECK(::getxattr(tool.c_str(), "trusted.note", value.data(), value.size()) == 1);
}

TEST_CASE("nothing in a tar is unpacked outside the directory", "[image]") {
  const auto refusal = [](const std::string& entries) {
    return Bench("[" + entries + "]").refusal();
  };
  const std::string out = R"({"path": "out", "type": "symlink", "to": "../outside"}, )";
  const std::string child = R"({"path": "out/file", "data": "x"})";
  CHECK_THAT(refusal(out + child), Contains("out/file"));
  CHECK_THAT(refusal(R"({"path": "out", "type": "symlink", "to": "/"}, )" + child),
             Contains("out/file"));
  // Not even where it would stay inside: whoever wrote the tar resolved its paths.
  CHECK_THAT(refusal(R"({"path": "dir", "type": "dir"},
                        {"path": "out", "type": "symlink", "to": "dir"}, )" +
                     child),
             Contains("out/file"));
  CHECK_THAT(refusal(out + R"({"path": "out", "data": "x"})"), Contains("File exists"));
  CHECK_THAT(refusal(out + R"({"path": "out", "type": "dir"})"), Contains("File exists"));
  CHECK_THAT(refusal(R"({"path": "../outside/x"})"), Contains("leaves the root"));
  CHECK_THAT(refusal(R"({"path": "/../x"})"), Contains("leaves the root"));
  CHECK_THAT(refusal(out + R"({"path": "l", "type": "link", "to": "out/x"})"),
             Contains("unpack 'l'"));
  CHECK_THAT(refusal(R"({"path": "l", "type": "link", "to": "../tar"})"),
             Contains("leaves the root"));
  CHECK_THAT(refusal(R"({"path": "l", "type": "link", "to": "none"})"), Contains("none"));
  CHECK_THAT(refusal(R"({"path": "f"}, {"path": "f"})"), Contains("File exists"));
  CHECK_THAT(refusal(R"({"path": "f"}, {"path": "f/x"})"), Contains("f/x"));
  // A link to a symlink is one to the symlink itself.
  Bench linked("[" + out + R"({"path": "l", "type": "link", "to": "out"}])");
  must(linked.unpack());
  CHECK(S_ISLNK(linked.look("l").st_mode));
}
