#include <array>
#include <filesystem>
#include <string_view>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/base/text.h"
#include "tests/support/fake_mount_api.h"
#include "tests/verity/mount_fixture.h"
#include "verity/mount_table.h"
#include "verity/mounted_image.h"

// Images with erofs layers, alone and beside squashfs ones.

using namespace mosb;
using namespace mosb::verity;

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kNothing;
constexpr IdRange kRange{700000000, 65536};
/// mkfs.erofs puts them into the image as they are.
constexpr char kCapabilities[] = "security.capability";
/// Version 2: the effective flag, then CAP_NET_RAW as permitted.
constexpr std::string_view kNetRaw(
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00",
    20);

void set_xattr(const std::string& path, const char* name, std::string_view value) {
  REQUIRE(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
}

std::string get_xattr(const std::string& path, const char* name) {
  std::array<char, 4096> value{};
  const ssize_t n = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  return n < 0 ? "(errno " + std::to_string(errno) + ")"
               : std::string(value.data(), static_cast<std::size_t>(n));
}

/// errno of opening the file for reading as that user; 0 if that works.
int open_as(uid_t user, const std::string& path) {
  const UniqueFd directory = must(sys::open(fs::path(path).parent_path().string(), O_PATH));
  const std::string name = fs::path(path).filename().string();
  const int status = in_child([&] {
    if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
      ::_exit(255);
    }
    const int fd = ::openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC);
    ::_exit(fd < 0 ? errno : 0);
  });
  return WEXITSTATUS(status);
}

nlink_t links_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st.st_nlink;
}

/// One of everything that a layer can have.
void fill_full_tree(const std::string& tree) {
  fill_sample_tree(tree);
  fill_large_tree(tree);
  fs::create_hard_link(tree + "/srv/data", tree + "/srv/same");
  write_file(tree + "/sparse", "start");
  REQUIRE(::truncate((tree + "/sparse").c_str(), 3'000'000) == 0);
  write_file(tree + "/empty", "");
  REQUIRE(::mkfifo((tree + "/fifo").c_str(), 0600) == 0);
  set_xattr(tree + "/srv/data", "user.color", "blue");
  set_xattr(tree + "/srv", "trusted.note", std::string(600, 'n'));
  set_xattr(tree + "/bin/tool", kCapabilities, kNetRaw);
  REQUIRE(::chown((tree + "/etc").c_str(), 40'000, 50'000) == 0);
  fs::create_directories(tree + "/many");
  for (int i = 0; i < 200; ++i) {
    write_file(tree + "/many/a-file-with-a-name-" + std::to_string(i), std::to_string(i));
  }
}

void check_full_tree(const std::string& target, const std::string& tree) {
  CHECK(describe_tree(target) == describe_tree(tree));
  CHECK(links_of(target + "/srv/same") == 2);
  CHECK(get_xattr(target + "/srv/data", "user.color") == "blue");
  CHECK(get_xattr(target + "/srv", "trusted.note") == std::string(600, 'n'));
  CHECK(get_xattr(target + "/bin/tool", kCapabilities) == kNetRaw);
}

std::string type_of(std::uint64_t magic) {
  return magic == SQUASHFS_MAGIC ? "squashfs" : magic == EROFS_SUPER_MAGIC_V1 ? "erofs" : "other";
}

/// The kernel, as it was before it could shift the ids of some file systems.
class OlderKernel final : public MountApi {
 public:
  /// What mounting an erofs gives.
  std::optional<Error> erofs_error;

  explicit OlderKernel(std::vector<std::string> without_idmap)
      : without_idmap_(std::move(without_idmap)) {}

  Result<UniqueFd> create(const FilesystemConfig& config) override {
    return config.type == "erofs" && erofs_error ? *erofs_error : kernel_.create(config);
  }
  Result<UniqueFd> clone(int directory) override { return kernel_.clone(directory); }
  Status set_attributes(int mount, const MountAttributes& attributes) override {
    struct statfs facts {};
    REQUIRE(::fstatfs(mount, &facts) == 0);
    const std::string type = type_of(static_cast<std::uint64_t>(facts.f_type));
    const bool lacks =
        std::find(without_idmap_.begin(), without_idmap_.end(), type) != without_idmap_.end();
    return lacks && attributes.user_namespace >= 0
               ? Status(Error::sys("set mount attributes", EINVAL))
               : kernel_.set_attributes(mount, attributes);
  }
  Status attach(int mount, int target) override { return kernel_.attach(mount, target); }
  Status mount_overlay(const OverlayConfig& config) override {
    return kernel_.mount_overlay(config);
  }
  Status unmount(const std::string& path, Unmount how) override {
    return kernel_.unmount(path, how);
  }
  Result<LoopDevice> attach_loop(const LoopSetup& setup) override {
    return kernel_.attach_loop(setup);
  }
  Result<LayerServer> start_server(const ServerSetup& setup) override {
    return kernel_.start_server(setup);
  }
  Result<VerityDevice> activate_verity(const VeritySetup& setup) override {
    return kernel_.activate_verity(setup);
  }

 private:
  KernelMountApi kernel_;
  std::vector<std::string> without_idmap_;
};

/// What the fixture's layers are mounted as, without what the overlays are.
std::vector<std::string> layer_types(const MountFixture& fixture) {
  std::vector<std::string> types;
  const MountTable table = must(MountTable::read());
  for (const MountEntry& entry : table.entries()) {
    if (entry.mount_point.starts_with(fixture.environment().run_dir + "/layers/")) {
      types.push_back(entry.type);
    }
  }
  std::sort(types.begin(), types.end());
  return types;
}

}  // namespace

TEST_CASE("an erofs layer shows the tree that it was built from", "[verity]") {
  MountFixture fixture;
  const ImageMount image{{fixture.build_erofs_layer("full", fill_full_tree)},
                         fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  check_full_tree(image.target, fixture.tree("full"));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an erofs layer is read rightly however mkfs.erofs packed it", "[verity][slow]") {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{},
                                             {"-zlz4"},
                                             {"-zlz4hc", "-C65536"},
                                             {"-zlz4hc", "-Eztailpacking"},
                                             {"--chunksize=8192"}}) {
    INFO(Catch::Detail::stringify(options));
    MountFixture fixture;
    const ImageMount image{{fixture.build_erofs_layer("full", fill_full_tree, options)},
                           fixture.make_dir("target")};
    must(mount_image(image, fixture.environment()));
    CHECK(layer_types(fixture) == std::vector<std::string>{"erofs"});
    check_full_tree(image.target, fixture.tree("full"));
    CHECK(must(is_mounted_as(image, fixture.environment())));
    const auto mounts = must(list_mounts(fixture.environment()));
    REQUIRE(mounts.size() == 1);
    CHECK(mounts[0].layers.at(0).filesystem == Filesystem::kErofs);
    must(unmount_image(image.target, fixture.environment()));
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("erofs layers over squashfs ones, and the reverse, hide and white out alike",
          "[verity]") {
  const auto fill_bottom = [](const std::string& tree) {
    write_file(tree + "/both", "bottom");
    write_file(tree + "/gone", "bottom");
    write_file(tree + "/gone-dir/file", "bottom");
    write_file(tree + "/opaque/hidden", "bottom");
    write_file(tree + "/merged/bottom", "bottom");
  };
  const auto fill_top = [](const std::string& tree) {
    write_file(tree + "/both", "top");
    REQUIRE(::mknod((tree + "/gone").c_str(), S_IFCHR, 0) == 0);
    REQUIRE(::mknod((tree + "/gone-dir").c_str(), S_IFCHR, 0) == 0);
    write_file(tree + "/opaque/shown", "top");
    set_xattr(tree + "/opaque", "trusted.overlay.opaque", "y");
    write_file(tree + "/merged/top", "top");
  };
  for (const bool erofs_on_top : {true, false}) {
    INFO("erofs is " << (erofs_on_top ? "above" : "below"));
    MountFixture fixture;
    const LayerSource bottom = erofs_on_top ? fixture.build_layer("bottom", fill_bottom)
                                            : fixture.build_erofs_layer("bottom", fill_bottom);
    const LayerSource top = erofs_on_top ? fixture.build_erofs_layer("top", fill_top)
                                         : fixture.build_layer("top", fill_top);
    for (const std::optional<IdRange>& idmap :
         {std::optional<IdRange>(), std::optional<IdRange>(kRange)}) {
      const ImageMount image{{bottom, top}, fixture.make_dir("target"), idmap};
      must(mount_image(image, fixture.environment()));
      CHECK(layer_types(fixture) == std::vector<std::string>{"erofs", "squashfs"});
      CHECK(slurp(image.target + "/both") == "top");
      CHECK_FALSE(fs::exists(image.target + "/gone"));
      CHECK_FALSE(fs::exists(image.target + "/gone-dir"));
      CHECK(slurp(image.target + "/opaque/shown") == "top");
      CHECK_FALSE(fs::exists(image.target + "/opaque/hidden"));
      CHECK(slurp(image.target + "/merged/bottom") == "bottom");
      CHECK(slurp(image.target + "/merged/top") == "top");
      must(unmount_image(image.target, fixture.environment()));
      CHECK(fixture.leftovers() == kNothing);
    }
  }
}

TEST_CASE("an image of 64 layers of both kinds is mounted", "[verity][slow]") {
  MountFixture fixture;
  ImageMount image{{}, fixture.make_dir("target"), kRange};
  for (std::size_t i = 0; i < kMaxLayers; ++i) {
    const std::string name = "layer" + std::to_string(i);
    const auto fill = [&](const std::string& tree) { write_file(tree + "/" + name, name); };
    image.layers.push_back(i % 2 == 0 ? fixture.build_erofs_layer(name, fill)
                                      : fixture.build_layer(name, fill));
  }
  must(mount_image(image, fixture.environment()));
  for (std::size_t i = 0; i < kMaxLayers; ++i) {
    const std::string name = "layer" + std::to_string(i);
    CHECK(slurp(image.target + "/" + name) == name);
  }
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("the ids of an erofs layer are shifted by the kernel", "[verity]") {
  MountFixture fixture;
  const ImageMount image{
      {fixture.build_erofs_layer("sample", fill_sample_tree)}, fixture.make_dir("target"), kRange};
  must(mount_image(image, fixture.environment()));
  CHECK(describe_tree(image.target, kRange.host_base) == describe_tree(fixture.tree("sample")));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("where only erofs can be id-mapped a server shows just the squashfs layers",
          "[verity][view]") {
  MountFixture fixture;
  OlderKernel kernel({"squashfs"});
  const MountEnvironment& environment = fixture.environment();
  const LayerSource erofs = fixture.build_erofs_layer("sample", fill_sample_tree);
  const LayerSource squashfs = fixture.build_simple_layer("upper");
  const ImageMount mixed{{erofs, squashfs}, fixture.make_dir("mixed"), kRange};
  const ImageMount alone{{erofs}, fixture.make_dir("alone"), kRange};
  must(mount_image(mixed, environment, kernel));
  CHECK(layer_types(fixture) == std::vector<std::string>{"erofs", "fuse.mosb"});
  must(mount_image(alone, environment, kernel));
  CHECK(describe_tree(alone.target, kRange.host_base) == describe_tree(fixture.tree("sample")));
  CHECK(slurp(mixed.target + "/upper.txt") == "upper");
  struct stat st {};
  REQUIRE(::stat((mixed.target + "/srv/data").c_str(), &st) == 0);
  CHECK(st.st_uid == kRange.host_base + 1000);
  REQUIRE(::stat((mixed.target + "/upper.txt").c_str(), &st) == 0);
  CHECK(st.st_uid == kRange.host_base);
  CHECK(must(is_mounted_as(mixed, environment)));
  must(unmount_image(mixed.target, environment));
  must(unmount_image(alone.target, environment));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("ids of erofs layers that nothing can shift are refused before anything is mounted",
          "[verity]") {
  MountFixture fixture;
  const ImageMount image{
      {fixture.build_simple_layer("lower"), fixture.build_erofs_layer("sample", fill_sample_tree)},
      fixture.make_dir("target"),
      kRange};
  OlderKernel kernel({"squashfs", "erofs"});
  const Status old = mount_image(image, fixture.environment(), kernel);
  REQUIRE_FALSE(old);
  CHECK(old.error().code() == Errc::kHost);
  CHECK_THAT(old.error().message(), Catch::Contains("needs Linux 5.19"));
  CHECK_THAT(old.error().hint(), Catch::Contains("squashfs"));
  const Status forced = mount_image(image, fixture.with_userspace_view());
  REQUIRE_FALSE(forced);
  CHECK(forced.error().code() == Errc::kHost);
  CHECK_THAT(forced.error().message(), Catch::Contains("there is none for erofs"));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a kernel without erofs, or without what an image needs of it, is named as the reason",
          "[verity]") {
  MountFixture fixture;
  const ImageMount image{
      {fixture.build_simple_layer("lower"), fixture.build_erofs_layer("upper", fill_sample_tree)},
      fixture.make_dir("target")};
  const std::vector<Error> reasons{
      Error::sys("open file system type erofs", ENODEV).as(Errc::kHost).with_hint("its module"),
      Error::sys("mount erofs", EOPNOTSUPP),
      Error::sys("mount erofs", EINVAL)};
  for (const Error& reason : reasons) {
    INFO(reason.message());
    OlderKernel kernel({});
    kernel.erofs_error = reason;
    const Status mounted = mount_image(image, fixture.environment(), kernel);
    REQUIRE_FALSE(mounted);
    CHECK(mounted.error().code() == Errc::kHost);
    CHECK_FALSE(mounted.error().hint().empty());
    CHECK(fixture.leftovers() == kNothing);
  }
  OlderKernel kernel({});
  kernel.erofs_error = Error::sys("mount erofs", EUCLEAN);
  const Status damaged = mount_image(image, fixture.environment(), kernel);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code() == Errc::kVerity);
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a layer of another file system than was signed is refused before anything is mounted",
          "[verity]") {
  MountFixture fixture;
  const LayerSource erofs = fixture.build_erofs_layer("erofs", fill_sample_tree);
  const LayerSource squashfs = fixture.build_layer("squashfs", fill_sample_tree);
  LayerSource posing_as_squashfs = erofs;
  posing_as_squashfs.filesystem = Filesystem::kSquashfs;
  LayerSource posing_as_erofs = squashfs;
  posing_as_erofs.filesystem = Filesystem::kErofs;
  const auto refused = [&](const LayerSource& layer, const std::string& why) {
    const Status mounted =
        mount_image(ImageMount{{layer}, fixture.make_dir("other")}, fixture.environment());
    REQUIRE_FALSE(mounted);
    CHECK(mounted.error().code() == Errc::kVerity);
    CHECK_THAT(mounted.error().message(), Catch::Contains(why));
  };
  refused(posing_as_squashfs, "media type says squashfs, but it is erofs");
  refused(posing_as_erofs, "media type says erofs, but it is squashfs");
  CHECK(fixture.leftovers() == kNothing);

  // Nor is one that is mounted already taken for what it is not, or taken away from its users.
  const ImageMount image{{erofs}, fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  refused(posing_as_squashfs, "media type says squashfs, but it is erofs");
  CHECK(must(is_mounted_as(image, fixture.environment())));
  const ImageMount posing{{posing_as_squashfs}, image.target};
  CHECK_FALSE(must(is_mounted_as(posing, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a bit that flips in an erofs layer is an error to its reader, or no mount at all",
          "[verity]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_erofs_layer("large", fill_large_tree, {});
  const ImageMount image{{layer}, fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  flip_bit(layer.blob_path, 200'000);
  CHECK(read_errno(image.target + "/large") == EIO);
  const auto mounts = must(list_mounts(fixture.environment()));
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].layers.at(0).corrupt);
  CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
  const Status again = mount_image(image, fixture.environment());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kVerity);
  flip_bit(layer.blob_path, 200'000);
  must(mount_image(image, fixture.environment()));
  CHECK(read_errno(image.target + "/large") == 0);
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);

  // In the image's superblock, and in the only hash block, which is the last of the layer.
  const std::uint64_t tree = fs::file_size(layer.blob_path) - 4096;
  for (const std::uint64_t place : {std::uint64_t{1024}, std::uint64_t{1024 + 40}, tree}) {
    INFO(place);
    flip_bit(layer.blob_path, place);
    const Status mounted = mount_image(image, fixture.environment());
    REQUIRE_FALSE(mounted);
    CHECK(mounted.error().code() == Errc::kVerity);
    flip_bit(layer.blob_path, place);
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("a mount of erofs layers that fails at step N leaves nothing behind", "[verity]") {
  MountFixture fixture;
  const ImageMount image{
      {fixture.build_simple_layer("lower"), fixture.build_erofs_layer("upper", fill_sample_tree)},
      fixture.make_dir("target"),
      kRange};
  RecordingMountApi whole;
  must(mount_image(image, fixture.environment(), whole));
  must(unmount_image(image.target, fixture.environment()));
  const std::size_t steps = whole.calls().size();
  for (std::size_t step = 1; step <= steps; ++step) {
    INFO("step " << step << " of " << steps << ": " << whole.calls()[step - 1]);
    RecordingMountApi api;
    api.trouble_at(step, RecordingMountApi::At::kFail);
    (void)mount_image(image, fixture.environment(), api);
    (void)unmount_image(image.target, fixture.environment());
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("what a hostile erofs layer brings has no effect on the host", "[verity]") {
  MountFixture fixture;
  const LayerSource bottom = fixture.build_erofs_layer(
      "bottom", [](const std::string& tree) { write_file(tree + "/secret/key", "secret"); });
  const LayerSource top = fixture.build_erofs_layer("top", [](const std::string& tree) {
    REQUIRE(::mknod((tree + "/null").c_str(), S_IFCHR | 0666, 0x103) == 0);
    fs::create_directories(tree + "/public");
    set_xattr(tree + "/public", "trusted.overlay.redirect", "/secret");
    write_file(tree + "/data", "");
    set_xattr(tree + "/data", "trusted.overlay.metacopy", "");
    set_xattr(tree + "/data", "trusted.overlay.redirect", "/secret/key");
    write_file(tree + "/listed", "listed", 0640);
    // user::rw-, user:1000:rw-, group::---, mask::rw-, other::---
    set_xattr(
        tree + "/listed",
        "system.posix_acl_access",
        std::string_view("\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\xe8\x03\0\0\x04\0\0"
                         "\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff"
                         "\xff",
                         44));
  });
  for (const std::optional<IdRange>& idmap :
       {std::optional<IdRange>(), std::optional<IdRange>(kRange)}) {
    const ImageMount image{{bottom, top}, fixture.make_dir("target"), idmap};
    must(mount_image(image, fixture.environment()));
    CHECK(read_errno(image.target + "/null") == EACCES);
    CHECK(read_errno(image.target + "/public/key") != 0);
    struct stat st {};
    CHECK((read_errno(image.target + "/data") != 0 ||
           (::stat((image.target + "/data").c_str(), &st) == 0 && st.st_size == 0)));
    // Access lists count for nothing, so they can't differ from kernel to kernel.
    const uid_t base = idmap ? idmap->host_base : 0;
    CHECK(open_as(base + 0, image.target + "/listed") == 0);
    CHECK(open_as(base + 1000, image.target + "/listed") == EACCES);
    must(unmount_image(image.target, fixture.environment()));
  }
  CHECK(fixture.leftovers() == kNothing);
}
