#include "verity/volume.h"

#include <cerrno>
#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/verity/mount_fixture.h"
#include "verity/mount_table.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;
constexpr IdRange kRange{700000000, 65536};

MountEntry mount_at(const std::string& path) {
  const MountTable table = must(MountTable::read());
  const MountEntry* entry = table.top_at(path);
  REQUIRE(entry != nullptr);
  return *entry;
}

}  // namespace

TEST_CASE("a volume shows at its target without devices and set-uid", "[verity]") {
  MountFixture fixture;
  const std::string source = fixture.make_dir("volume");
  const std::string target = fixture.make_dir("target");
  write_file(source + "/file", "content");
  REQUIRE(::mknod((source + "/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);
  must(bind_volume(source, target, {}));
  CHECK(slurp(target + "/file") == "content");
  CHECK(read_errno(target + "/zero") == EACCES);
  const MountEntry mount = mount_at(target);
  CHECK(mount.has_option("nosuid"));
  CHECK(mount.has_option("nodev"));
  write_file(target + "/new", "new");
  CHECK(slurp(source + "/new") == "new");
  must(umount_target(target));
  CHECK_FALSE(std::filesystem::exists(target + "/file"));
  must(umount_target(target));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a read-only volume cannot be written, its source still can", "[verity]") {
  MountFixture fixture;
  const std::string source = fixture.make_dir("volume");
  const std::string target = fixture.make_dir("target");
  must(bind_volume(source, target, {std::nullopt, true}));
  CHECK(::mkdir((target + "/new").c_str(), 0700) == -1);
  CHECK(errno == EROFS);
  CHECK(::mkdir((source + "/new").c_str(), 0700) == 0);
  must(umount_target(target));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a volume's ids are shifted both ways", "[verity]") {
  MountFixture fixture;
  const std::string source = fixture.make_dir("volume");
  const std::string target = fixture.make_dir("target");
  write_file(source + "/file", "content");
  must(bind_volume(source, target, {kRange, false}));
  struct stat st {};
  REQUIRE(::stat((target + "/file").c_str(), &st) == 0);
  CHECK(st.st_uid == kRange.host_base);
  REQUIRE(::chown((target + "/file").c_str(), kRange.host_base + 33, kRange.host_base + 44) == 0);
  REQUIRE(::stat((source + "/file").c_str(), &st) == 0);
  CHECK(st.st_uid == 33);
  CHECK(st.st_gid == 44);
  must(umount_target(target));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a volume does not follow symlinks and does not carry mounts below it", "[verity]") {
  MountFixture fixture;
  const std::string source = fixture.make_dir("volume");
  const std::string below = fixture.make_dir("volume/below");
  const std::string target = fixture.make_dir("target");
  const std::string link = fixture.dir() + "/link";
  std::filesystem::create_symlink(source, link);
  CHECK(bind_volume(link, target, {}).error().code() == Errc::kVolume);
  std::filesystem::remove(link);
  std::filesystem::create_symlink(target, link);
  CHECK(bind_volume(source, link, {}).error().code() == Errc::kVolume);
  CHECK(bind_volume(source + "/missing", target, {}).error().code() == Errc::kVolume);

  REQUIRE(::mount("below", below.c_str(), "tmpfs", 0, nullptr) == 0);
  write_file(below + "/hidden", "hidden");
  must(bind_volume(source, target, {}));
  CHECK_FALSE(std::filesystem::exists(target + "/below/hidden"));
  must(umount_target(target));
  REQUIRE(::umount(below.c_str()) == 0);
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a volume in use is not unmounted", "[verity]") {
  MountFixture fixture;
  const std::string source = fixture.make_dir("volume");
  const std::string target = fixture.make_dir("target");
  must(bind_volume(source, target, {}));
  {
    const UniqueFd user = must(sys::open(target, O_RDONLY | O_DIRECTORY));
    CHECK(umount_target(target).error().code() == Errc::kBusy);
  }
  must(umount_target(target));
  CHECK(fixture.leftovers() == kNothing);
}
