#include <array>
#include <filesystem>
#include <iostream>
#include <string_view>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/verity/mount_fixture.h"
#include "verity/mounted_image.h"

// Images whose publisher is hostile: signed, verified, and not to be trusted with anything.

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;

/// The environments in which an attack is tried: the kernel's own view and a server's.
std::vector<std::pair<std::optional<IdRange>, bool>> displays() {
  return {
      {std::nullopt, false}, {IdRange{700000000, 65536}, false}, {IdRange{700000000, 65536}, true}};
}

void set_xattr(const std::string& path, const char* name, std::string_view value) {
  REQUIRE(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0);
}

/// The effective user id that a program gets when an ordinary user starts it.
int effective_uid_of(const std::string& program) {
  const UniqueFd fd = must(sys::open(program, O_PATH));
  const int status = in_child([&] {
    std::string name = "id-check";
    std::array<char*, 2> argv{name.data(), nullptr};
    std::array<char*, 1> env{nullptr};
    if (::setresgid(12345, 12345, 12345) == 0 && ::setresuid(12345, 12345, 12345) == 0) {
      ::fexecve(fd.get(), argv.data(), env.data());
    }
    ::_exit(99);
  });
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a device node in a layer cannot be opened", "[verity]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("devices", [](const std::string& tree) {
    REQUIRE(::mknod((tree + "/zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0);
  });
  CHECK(UniqueFd(::open((fixture.tree("devices") + "/zero").c_str(), O_RDONLY | O_CLOEXEC))
            .is_open());
  for (const auto& [idmap, view] : displays()) {
    const ImageMount image{{layer}, fixture.make_dir("target"), idmap};
    const MountEnvironment environment =
        view ? fixture.with_userspace_view() : fixture.environment();
    must(mount_image(image, environment));
    CHECK(read_errno(image.target + "/zero") == EACCES);
    must(unmount_image(image.target, environment));
  }
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a set-uid program in a layer gives nobody another user's rights", "[verity]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("setuid", [](const std::string& tree) {
    std::filesystem::copy_file(std::string(MOSB_BIN_DIR) + "/euid_is_root", tree + "/tool");
    REQUIRE(::chmod((tree + "/tool").c_str(), 04755) == 0);
  });
  // The program says 1 for root: on the host's own file system it does.
  CHECK(effective_uid_of(fixture.tree("setuid") + "/tool") == 1);
  for (const auto& [idmap, view] : displays()) {
    const ImageMount image{{layer}, fixture.make_dir("target"), idmap};
    const MountEnvironment environment =
        view ? fixture.with_userspace_view() : fixture.environment();
    must(mount_image(image, environment));
    CHECK(effective_uid_of(image.target + "/tool") == 0);
    must(unmount_image(image.target, environment));
  }
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("overlay attributes in a layer do not reach into another layer's directories",
          "[verity]") {
  MountFixture fixture;
  const LayerSource bottom = fixture.build_layer("bottom", [](const std::string& tree) {
    write_file(tree + "/secret/key", "secret");
    write_file(tree + "/plain", "bottom");
  });
  const LayerSource top = fixture.build_layer("top", [](const std::string& tree) {
    std::filesystem::create_directories(tree + "/public");
    set_xattr(tree + "/public", "trusted.overlay.redirect", "/secret");
    write_file(tree + "/data", "");
    set_xattr(tree + "/data", "trusted.overlay.metacopy", "");
    set_xattr(tree + "/data", "trusted.overlay.redirect", "/secret/key");
  });
  // With the kernel's redirects on, the layer would get what it asks for.
  const std::string control = fixture.make_dir("control");
  const std::string options = "lowerdir=" + fixture.tree("top") + ":" + fixture.tree("bottom") +
                              ",redirect_dir=follow,metacopy=on";
  REQUIRE(::mount("control", control.c_str(), "overlay", MS_RDONLY, options.c_str()) == 0);
  CHECK(slurp(control + "/public/key") == "secret");
  REQUIRE(::umount(control.c_str()) == 0);

  for (const auto& [idmap, view] : displays()) {
    const ImageMount image{{bottom, top}, fixture.make_dir("target"), idmap};
    const MountEnvironment environment =
        view ? fixture.with_userspace_view() : fixture.environment();
    must(mount_image(image, environment));
    CHECK(read_errno(image.target + "/public/key") != 0);
    struct stat st {};
    CHECK((::stat((image.target + "/data").c_str(), &st) != 0 || st.st_size == 0));
    CHECK(slurp(image.target + "/plain") == "bottom");
    must(unmount_image(image.target, environment));
  }
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a file system that is no squashfs is not mounted", "[verity]") {
  MountFixture fixture;
  LayerSource layer = fixture.build_simple_layer("layer");
  flip_bit(layer.blob_path, 0);
  const ImageMount image{{layer}, fixture.make_dir("target")};
  const Status mounted = mount_image(image, fixture.environment());
  REQUIRE_FALSE(mounted);
  CHECK(mounted.error().code() == Errc::kVerity);
  CHECK(fixture.leftovers() == kNothing);
}
