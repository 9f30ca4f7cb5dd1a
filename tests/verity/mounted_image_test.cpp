#include "verity/mounted_image.h"

#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fake_mount_api.h"
#include "tests/verity/mount_fixture.h"
#include "verity/mount_table.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;
constexpr IdRange kRange{700000000, 65536};
using Write = ImageMount::Write;

std::string overlay_options(const std::string& target) {
  const MountTable table = must(MountTable::read());
  const MountEntry* entry = table.top_at(target);
  REQUIRE(entry != nullptr);
  std::string text = entry->type;
  for (const std::string& option : entry->options) {
    text += " " + option;
  }
  return text;
}

ImageMount sample_image(MountFixture& fixture) {
  return ImageMount{{fixture.build_layer("sample", fill_sample_tree)}, fixture.make_dir("target")};
}

}  // namespace

TEST_CASE("a mounted image shows the tree that it was built from", "[verity]") {
  MountFixture fixture;
  const ImageMount image = sample_image(fixture);
  must(mount_image(image, fixture.environment()));
  CHECK(describe_tree(image.target) == describe_tree(fixture.tree("sample")));
  CHECK(must(is_mounted_as(image, fixture.environment())));
  CHECK_THAT(overlay_options(image.target), Catch::StartsWith("overlay ro nosuid nodev"));
  must(unmount_image(image.target, fixture.environment()));
  CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("ids in a layer show shifted when the image is mounted with an id range", "[verity]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  image.idmap = kRange;
  must(mount_image(image, fixture.environment()));
  CHECK(describe_tree(image.target, kRange.host_base) == describe_tree(fixture.tree("sample")));
  const auto mounts = must(list_mounts(fixture.environment()));
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].idmap == kRange);
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a server that shifts ids gives the same tree as the kernel", "[verity][view]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  image.layers.push_back(fixture.build_simple_layer("upper"));
  image.idmap = kRange;
  must(mount_image(image, fixture.with_userspace_view()));
  const auto in_userspace = describe_tree(image.target, kRange.host_base);
  const auto mounts = must(list_mounts(fixture.environment()));
  REQUIRE(mounts.size() == 1);
  CHECK_THAT(mounts[0].layers.at(0).device, Catch::StartsWith("fuse 0:"));
  must(unmount_image(image.target, fixture.with_userspace_view()));
  CHECK(fixture.leftovers() == kNothing);
  must(mount_image(image, fixture.environment()));
  CHECK(in_userspace == describe_tree(image.target, kRange.host_base));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("upper layers hide lower ones, and what they whited out is gone", "[verity]") {
  MountFixture fixture;
  const LayerSource bottom = fixture.build_layer("bottom", [](const std::string& tree) {
    write_file(tree + "/both", "bottom");
    write_file(tree + "/gone", "bottom");
    write_file(tree + "/only-bottom", "bottom");
  });
  const LayerSource top = fixture.build_layer("top", [](const std::string& tree) {
    write_file(tree + "/both", "top");
    REQUIRE(::mknod((tree + "/gone").c_str(), S_IFCHR, 0) == 0);
  });
  const ImageMount image{{bottom, top}, fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  CHECK(slurp(image.target + "/both") == "top");
  CHECK(slurp(image.target + "/only-bottom") == "bottom");
  CHECK_FALSE(std::filesystem::exists(image.target + "/gone"));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image of 64 layers, one of them twice, is mounted", "[verity][slow]") {
  MountFixture fixture;
  ImageMount image{{}, fixture.make_dir("target")};
  for (std::size_t i = 0; i < kMaxLayers - 1; ++i) {
    image.layers.push_back(fixture.build_simple_layer("layer" + std::to_string(i)));
  }
  image.layers.push_back(image.layers.front());
  image.idmap = kRange;
  must(mount_image(image, fixture.environment()));
  for (std::size_t i = 0; i < kMaxLayers - 1; ++i) {
    const std::string name = "layer" + std::to_string(i);
    CHECK(slurp(image.target + "/" + name + ".txt") == name);
  }
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("two images share a layer, which goes with the second of them", "[verity]") {
  MountFixture fixture;
  const LayerSource shared = fixture.build_simple_layer("shared");
  const ImageMount one{{shared, fixture.build_simple_layer("one")}, fixture.make_dir("one")};
  const ImageMount two{{shared, fixture.build_simple_layer("two")}, fixture.make_dir("two")};
  must(mount_image(one, fixture.environment()));
  must(mount_image(two, fixture.environment()));
  CHECK(fixture.verified_layers() == 3);
  const auto mounts = must(list_mounts(fixture.environment()));
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].layers.at(0).device == mounts[1].layers.at(0).device);
  must(unmount_image(one.target, fixture.environment()));
  CHECK(fixture.verified_layers() == 2);
  CHECK(slurp(two.target + "/shared.txt") == "shared");
  must(unmount_image(two.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("mounting the same image a second time calls nothing of the kernel", "[verity]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  image.idmap = kRange;
  must(mount_image(image, fixture.environment()));
  RecordingMountApi api;
  must(mount_image(image, fixture.environment(), api));
  CHECK(api.calls() == kNothing);
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("what is written to a tmpfs image is limited and gone after it", "[verity]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  image.write = Write::kTmpfs;
  image.idmap = kRange;
  image.tmpfs_size = ByteCount{1 * kMiB};
  must(mount_image(image, fixture.environment()));
  write_file(image.target + "/new", "new");
  CHECK(slurp(image.target + "/new") == "new");
  struct stat st {};
  REQUIRE(::stat(image.target.c_str(), &st) == 0);
  CHECK(st.st_uid == kRange.host_base);
  CHECK((st.st_mode & 07777U) == 0755);
  write_file(image.target + "/large", std::string(2 * kMiB, 'x'));
  CHECK(std::filesystem::file_size(image.target + "/large") < 1 * kMiB);
  CHECK_THAT(overlay_options(image.target), Catch::StartsWith("overlay rw nosuid nodev"));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
  must(mount_image(image, fixture.environment()));
  CHECK_FALSE(std::filesystem::exists(image.target + "/new"));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("what is written to an upper directory is there the next time", "[verity]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  image.write = Write::kUpper;
  image.upper_dir = fixture.make_dir("upper");
  must(mount_image(image, fixture.environment()));
  write_file(image.target + "/new", "new");
  REQUIRE(::chmod(image.target.c_str(), 0711) == 0);
  must(unmount_image(image.target, fixture.environment()));
  must(mount_image(image, fixture.environment()));
  CHECK(slurp(image.target + "/new") == "new");
  struct stat st {};
  REQUIRE(::stat(image.target.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777U) == 0711);
  must(unmount_image(image.target, fixture.environment()));
  CHECK(slurp(image.upper_dir + "/upper/new") == "new");
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an image in use is not unmounted, and nothing of it is taken away", "[verity]") {
  MountFixture fixture;
  const ImageMount image = sample_image(fixture);
  must(mount_image(image, fixture.environment()));
  {
    const UniqueFd user = must(sys::open(image.target + "/etc/os-release", O_RDONLY));
    const Status unmounted = unmount_image(image.target, fixture.environment());
    REQUIRE_FALSE(unmounted);
    CHECK(unmounted.error().code() == Errc::kBusy);
    CHECK(must(is_mounted_as(image, fixture.environment())));
  }
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("another image at the target is refused, not replaced", "[verity]") {
  MountFixture fixture;
  const ImageMount image = sample_image(fixture);
  must(mount_image(image, fixture.environment()));
  ImageMount other = image;
  other.layers.push_back(fixture.build_simple_layer("other"));
  const Status mounted = mount_image(other, fixture.environment());
  REQUIRE_FALSE(mounted);
  CHECK(mounted.error().code() == Errc::kBusy);
  CHECK_FALSE(must(is_mounted_as(other, fixture.environment())));
  ImageMount shifted = image;
  shifted.idmap = kRange;
  CHECK_FALSE(must(is_mounted_as(shifted, fixture.environment())));
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a target that is no directory of its own is refused", "[verity]") {
  MountFixture fixture;
  ImageMount image = sample_image(fixture);
  std::filesystem::create_symlink(image.target, fixture.dir() + "/link");
  for (const std::string& target : {fixture.dir() + "/link", fixture.dir() + "/missing"}) {
    image.target = target;
    CHECK_FALSE(mount_image(image, fixture.environment()));
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("unmounting where no image is mounted is not found", "[verity]") {
  MountFixture fixture;
  const std::string target = fixture.make_dir("target");
  CHECK(unmount_image(target, fixture.environment()).error().code() == Errc::kNotFound);
  REQUIRE(::mount("foreign", target.c_str(), "tmpfs", 0, nullptr) == 0);
  CHECK(unmount_image(target, fixture.environment()).error().code() == Errc::kNotFound);
  CHECK(must(MountTable::read()).top_at(target) != nullptr);
  REQUIRE(::umount(target.c_str()) == 0);
}
