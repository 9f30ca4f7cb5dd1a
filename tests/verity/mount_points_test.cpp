#include "verity/mount_points.h"

#include <algorithm>
#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "tests/support/fake_mount_api.h"
#include "tests/verity/mount_fixture.h"
#include "verity/image_record.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;
constexpr IdRange kRange{700000000, 65536};
const std::vector<std::string> kFiles{"/etc/resolv.conf", "/etc/hosts", "/var/lib/x/y"};

ImageMount bare_image(MountFixture& fixture) {
  ImageMount image{{fixture.build_simple_layer("bare")}, fixture.make_dir("target")};
  image.mount_points = kFiles;
  return image;
}

void check_owned(const std::string& path, mode_t mode, std::uint32_t owner) {
  INFO(path);
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  CHECK(st.st_mode == mode);
  CHECK(st.st_uid == owner);
  CHECK(st.st_gid == owner);
  CHECK((S_ISDIR(mode) || st.st_size == 0));
}

std::string points_of(const MountFixture& fixture, const ImageMount& image) {
  return mount_points_dir(fixture.environment(),
                          {sorted_mount_points(image.mount_points), image.idmap});
}

}  // namespace

TEST_CASE("files that an image lacks are there, empty and its root's, to bind others over",
          "[verity]") {
  MountFixture fixture;
  ImageMount image = bare_image(fixture);
  MountEnvironment environment = fixture.environment();
  SECTION("with the host's ids") {}
  SECTION("with ids shifted by the kernel") {
    image.idmap = kRange;
  }
  SECTION("with ids shifted by a server") {
    image.idmap = kRange;
    environment = fixture.with_userspace_view();
  }
  const std::uint32_t owner = image.idmap ? image.idmap->host_base : 0;
  const mode_t mask = ::umask(077);
  must(mount_image(image, environment));
  ::umask(mask);
  for (const std::string& path : kFiles) {
    check_owned(image.target + path, S_IFREG | 0644, owner);
  }
  for (const char* dir : {"", "/etc", "/var", "/var/lib", "/var/lib/x"}) {
    check_owned(image.target + dir, S_IFDIR | 0755, owner);
  }
  CHECK(slurp(image.target + "/bare.txt") == "bare");
  CHECK(sys::open(image.target + "/etc/hosts", O_WRONLY).error().sys_errno() == EROFS);
  must(collect_garbage(environment));
  check_owned(image.target + "/etc/hosts", S_IFREG | 0644, owner);
  CHECK(must(is_mounted_as(image, environment)));
  must(unmount_image(image.target, environment));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image's own files, directories, whiteouts and symlinks win over mount points",
          "[verity]") {
  MountFixture fixture;
  ImageMount image{
      {fixture.build_layer("own",
                           [](const std::string& tree) {
                             write_file(tree + "/etc/hosts", "own", 0600);
                             std::filesystem::create_symlink("../run/x", tree + "/etc/resolv.conf");
                             REQUIRE(::mknod((tree + "/etc/hostname").c_str(), S_IFCHR, 0) == 0);
                             REQUIRE(::chmod((tree + "/etc").c_str(), 0711) == 0);
                           })},
      fixture.make_dir("target")};
  image.mount_points = {"/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/new"};
  must(mount_image(image, fixture.environment()));
  CHECK(slurp(image.target + "/etc/hosts") == "own");
  check_owned(image.target + "/etc", S_IFDIR | 0711, 0);
  check_owned(image.target + "/etc/new", S_IFREG | 0644, 0);
  struct stat st {};
  REQUIRE(::lstat((image.target + "/etc/hosts").c_str(), &st) == 0);
  CHECK(st.st_mode == (S_IFREG | 0600));
  CHECK(std::filesystem::is_symlink(image.target + "/etc/resolv.conf"));
  CHECK(::lstat((image.target + "/etc/hostname").c_str(), &st) != 0);
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image with mount points is not the same as one without or with others", "[verity]") {
  MountFixture fixture;
  const ImageMount image = bare_image(fixture);
  must(mount_image(image, fixture.environment()));
  ImageMount other = image;
  std::reverse(other.mount_points.begin(), other.mount_points.end());
  CHECK(must(is_mounted_as(other, fixture.environment())));
  RecordingMountApi api;
  must(mount_image(other, fixture.environment(), api));
  CHECK(api.calls() == kNothing);
  for (const std::vector<std::string>& paths :
       {std::vector<std::string>{}, std::vector<std::string>{"/etc/hosts"}}) {
    other.mount_points = paths;
    CHECK_FALSE(must(is_mounted_as(other, fixture.environment())));
    CHECK(mount_image(other, fixture.environment()).error().code() == Errc::kBusy);
  }
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("mount points that images share go with the last of them", "[verity]") {
  MountFixture fixture;
  const ImageMount one = bare_image(fixture);
  ImageMount two = one;
  two.target = fixture.make_dir("two");
  ImageMount shifted = one;
  shifted.target = fixture.make_dir("shifted");
  shifted.idmap = kRange;
  CHECK(points_of(fixture, one) == points_of(fixture, two));
  CHECK(points_of(fixture, one) != points_of(fixture, shifted));
  for (const ImageMount& image : {one, two, shifted}) {
    must(mount_image(image, fixture.environment()));
  }
  must(unmount_image(one.target, fixture.environment()));
  CHECK(slurp(two.target + "/etc/hosts").empty());
  must(unmount_image(two.target, fixture.environment()));
  CHECK_FALSE(path_exists(points_of(fixture, one)));
  CHECK(slurp(shifted.target + "/etc/hosts").empty());
  must(unmount_image(shifted.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("what is written over mount points lies in the image's tmpfs only", "[verity]") {
  MountFixture fixture;
  ImageMount image = bare_image(fixture);
  image.write = ImageMount::Write::kTmpfs;
  must(mount_image(image, fixture.environment()));
  write_file(image.target + "/etc/hosts", "written");
  CHECK(slurp(image.target + "/etc/hosts") == "written");
  CHECK(slurp(points_of(fixture, image) + "/etc/hosts").empty());
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image of 64 layers and mount points is mounted", "[verity][slow]") {
  MountFixture fixture;
  ImageMount image{{}, fixture.make_dir("target")};
  for (std::size_t i = 0; i < kMaxLayers; ++i) {
    image.layers.push_back(fixture.build_simple_layer("layer" + std::to_string(i)));
  }
  image.idmap = kRange;
  image.mount_points = kFiles;
  must(mount_image(image, fixture.environment()));
  check_owned(image.target + "/etc/hosts", S_IFREG | 0644, kRange.host_base);
  CHECK(slurp(image.target + "/layer0.txt") == "layer0");
  CHECK(slurp(image.target + "/layer63.txt") == "layer63");
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a mount that fails at any step, or was killed before, leaves no mount points",
          "[verity]") {
  MountFixture fixture;
  const ImageMount image = bare_image(fixture);
  std::size_t step = 1;
  for (bool mounted = false; !mounted; ++step) {
    REQUIRE(step < 20);
    // As a killed process leaves it.
    write_file(points_of(fixture, image) + ".new/etc/hosts", "half");
    RecordingMountApi api;
    api.trouble_at(step, RecordingMountApi::At::kFail);
    mounted =
        mount_image(image, fixture.environment(), api).has_value() && api.calls().size() < step;
    if (!mounted) {
      (void)unmount_image(image.target, fixture.environment());
      CHECK(fixture.leftovers() == kNothing);
    }
  }
  CHECK(step > 3);
  CHECK(slurp(image.target + "/etc/hosts").empty());
  CHECK_FALSE(path_exists(points_of(fixture, image) + ".new"));
  write_file(points_of(fixture, image) + "0/etc/hosts", "of no image");
  must(collect_garbage(fixture.environment()));
  CHECK_FALSE(path_exists(points_of(fixture, image) + "0"));
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image whose mount points somebody removed is mounted anew", "[verity]") {
  MountFixture fixture;
  const ImageMount image = bare_image(fixture);
  must(mount_image(image, fixture.environment()));
  must(remove_tree(points_of(fixture, image)));
  CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
  must(mount_image(image, fixture.environment()));
  CHECK(slurp(image.target + "/etc/hosts").empty());
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}
