#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/deadline.h"
#include "tests/support/fake_mount_api.h"
#include "tests/verity/mount_fixture.h"
#include "verity/mounted_image.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;
using At = RecordingMountApi::At;
using Write = ImageMount::Write;

/// How many calls a mount of the image takes.
std::size_t count_steps(const ImageMount& image, const MountEnvironment& environment) {
  RecordingMountApi api;
  must(mount_image(image, environment, api));
  must(unmount_image(image.target, environment));
  return api.calls().size();
}

std::string describe(std::size_t step, const std::string& what) {
  return what + " at step " + std::to_string(step);
}

/// A child that is to be killed and lives says what kept it from getting there.
void say_if_failed(const Status& status) {
  if (!status) {
    std::cerr << "not killed: " << status.error().message() << std::endl;
  }
}

/// What stays though commands come after the kill. On a busy host a server that has yet to notice
/// is taken for one that somebody uses, and goes with the next command.
std::vector<std::string> left_at_last(const MountFixture& fixture,
                                      const MountEnvironment& environment) {
  const Deadline deadline = Deadline::in(std::chrono::seconds(10));
  std::vector<std::string> left = fixture.leftovers();
  while (!left.empty() && !deadline.over()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    must(collect_garbage(environment));
    left = fixture.leftovers();
  }
  return left;
}

void kill_at_each_step(const MountFixture& fixture,
                       const ImageMount& image,
                       const MountEnvironment& environment) {
  const std::size_t steps = count_steps(image, environment);
  for (std::size_t step = 1; step <= steps; ++step) {
    for (const At at : {At::kKillBefore, At::kKillAfter}) {
      INFO(describe(step, at == At::kKillBefore ? "killed before" : "killed after"));
      int status = 0;
      // A second try: docs/open-ends.md, "A mount over dm-verity that failed by itself".
      for (int attempt = 0; attempt < 2 && !WIFSIGNALED(status); ++attempt) {
        status = in_child([&] {
          RecordingMountApi api;
          api.trouble_at(step, at);
          say_if_failed(mount_image(image, environment, api));
        });
      }
      REQUIRE(WIFSIGNALED(status));
      must(collect_garbage(environment));
      // Killed after the overlay was mounted, the image stays: it is complete.
      if (must(is_mounted_as(image, environment))) {
        must(unmount_image(image.target, environment));
      }
      REQUIRE(left_at_last(fixture, environment) == kNothing);
    }
  }
}

void check_eio(const std::string& path) {
  CHECK(read_errno(path) == EIO);
}

}  // namespace

TEST_CASE("a mount that fails at step N leaves nothing behind", "[verity]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  const std::size_t steps = count_steps(image, fixture.environment());
  CHECK(steps >= 15);
  for (std::size_t step = 1; step <= steps; ++step) {
    INFO(describe(step, "failing"));
    RecordingMountApi api;
    api.trouble_at(step, At::kFail);
    REQUIRE_FALSE(mount_image(image, fixture.environment(), api));
    REQUIRE(fixture.leftovers() == kNothing);
  }
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a mount that fails at step N leaves the layers of other images alone", "[verity]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  ImageMount other = image;
  other.layers.pop_back();
  other.target = fixture.make_dir("other");
  must(mount_image(other, fixture.environment()));
  for (std::size_t step = 1; step <= 12; ++step) {
    INFO(describe(step, "failing"));
    RecordingMountApi api;
    api.trouble_at(step, At::kFail);
    REQUIRE_FALSE(mount_image(image, fixture.environment(), api));
    REQUIRE(must(is_mounted_as(other, fixture.environment())));
    REQUIRE(fixture.verified_layers() == 1);
  }
  must(unmount_image(other.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a mount that is killed at step N leaves nothing that is not collected", "[verity]") {
  MountFixture fixture;
  kill_at_each_step(fixture, full_image(fixture), fixture.environment());
}

TEST_CASE("a mount through servers' views that fails at step N leaves nothing either",
          "[verity][view]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  const MountEnvironment environment = fixture.with_userspace_view();
  const std::size_t steps = count_steps(image, environment);
  for (std::size_t step = 1; step <= steps; ++step) {
    INFO(describe(step, "failing"));
    RecordingMountApi api;
    api.trouble_at(step, At::kFail);
    REQUIRE_FALSE(mount_image(image, environment, api));
    REQUIRE(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("a mount through servers' views that is killed at step N leaves nothing either",
          "[verity][view]") {
  MountFixture fixture;
  kill_at_each_step(fixture, full_image(fixture), fixture.with_userspace_view());
}

TEST_CASE("a mount that is killed at any moment leaves nothing that is not collected",
          "[verity][slow]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  // Between two steps, too, and while a server is being started.
  for (int round = 0; round < 40; ++round) {
    INFO("round " << round);
    const pid_t pid = ::fork();
    if (pid == 0) {
      (void)mount_image(image, fixture.environment());
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(round * 1500));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    must(collect_garbage(fixture.environment()));
    if (must(is_mounted_as(image, fixture.environment()))) {
      must(unmount_image(image.target, fixture.environment()));
    }
    REQUIRE(left_at_last(fixture, fixture.environment()) == kNothing);
  }
}

TEST_CASE("a layer in use as a server's view is freed where only the kernel showed it",
          "[verity][view]") {
  MountFixture fixture;
  const ImageMount plain{{fixture.build_simple_layer("layer")}, fixture.make_dir("plain")};
  ImageMount shifted = plain;
  shifted.target = fixture.make_dir("shifted");
  shifted.idmap = IdRange{700000000, 65536};
  must(mount_image(plain, fixture.environment()));
  must(mount_image(shifted, fixture.with_userspace_view()));
  CHECK(fixture.verified_layers() == 2);
  must(unmount_image(plain.target, fixture.environment()));
  CHECK(fixture.verified_layers() == 1);
  CHECK(fixture.servers().size() == 1);
  CHECK(slurp(shifted.target + "/layer.txt") == "layer");
  must(unmount_image(shifted.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an unmount that is killed at step N is finished by the next one", "[verity]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  must(mount_image(image, fixture.environment()));
  RecordingMountApi counting;
  must(unmount_image(image.target, fixture.environment(), counting));
  for (std::size_t step = 1; step <= counting.calls().size(); ++step) {
    for (const At at : {At::kKillBefore, At::kKillAfter}) {
      INFO(describe(step, "killed"));
      must(mount_image(image, fixture.environment()));
      const int status = in_child([&] {
        RecordingMountApi api;
        api.trouble_at(step, at);
        say_if_failed(unmount_image(image.target, fixture.environment(), api));
      });
      REQUIRE(WIFSIGNALED(status));
      if (must(is_mounted_as(image, fixture.environment()))) {
        must(unmount_image(image.target, fixture.environment()));
      }
      must(collect_garbage(fixture.environment()));
      REQUIRE(left_at_last(fixture, fixture.environment()) == kNothing);
    }
  }
}

TEST_CASE("a wrong root hash or size is refused before anything is mounted", "[verity]") {
  MountFixture fixture;
  const LayerSource good = fixture.build_simple_layer("good");
  const LayerSource other = fixture.build_simple_layer("other");
  LayerSource bad = good;
  SECTION("the root hash of another layer") {
    bad.root_hash = other.root_hash;
  }
  SECTION("a size that leaves out the last block") {
    bad.size.value -= 4096;
  }
  SECTION("a changed hash block") {
    flip_bit(bad.blob_path, bad.size.value - 4096 + 40);
  }
  const ImageMount image{{other, bad}, fixture.make_dir("target")};
  RecordingMountApi api;
  const Status mounted = mount_image(image, fixture.environment(), api);
  REQUIRE_FALSE(mounted);
  CHECK(mounted.error().code() == Errc::kVerity);
  CHECK_THAT(mounted.error().message(), Catch::Contains(bad.digest.str()));
  CHECK(api.calls() == kNothing);
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a bit that flips under a mounted image is an error to its reader and a corrupt layer",
          "[verity]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("large", fill_large_tree);
  const ImageMount image{{layer}, fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  flip_bit(layer.blob_path, 10000);
  check_eio(image.target + "/large");
  const auto mounts = must(list_mounts(fixture.environment()));
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].layers.at(0).corrupt);
  CHECK_THAT(mounts[0].layers.at(0).detail, Catch::Contains("corrupt block"));
  CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));

  const Status again = mount_image(image, fixture.environment());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kVerity);
  CHECK(must(list_mounts(fixture.environment())).size() == 1);

  flip_bit(layer.blob_path, 10000);
  must(mount_image(image, fixture.environment()));
  CHECK(read_errno(image.target + "/large") == 0);
  CHECK(must(is_mounted_as(image, fixture.environment())));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a bit that flips under a server's view is an error to its reader and a corrupt layer",
          "[verity][view]") {
  constexpr std::uint64_t kFlipped = 200'000;
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("large", fill_large_tree);
  const ImageMount image{{layer}, fixture.make_dir("target"), IdRange{700000000, 65536}};
  const MountEnvironment environment = fixture.with_userspace_view();
  must(mount_image(image, environment));
  flip_bit(layer.blob_path, kFlipped);
  // What the kernel has read ahead of the device is as it was signed.
  write_file("/proc/sys/vm/drop_caches", "3");
  check_eio(image.target + "/large");
  const auto mounts = must(list_mounts(environment));
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].layers.at(0).corrupt);
  // Which it is the server knows, whoever refused it.
  CHECK(mounts[0].layers.at(0).bad_blocks == std::vector<std::uint64_t>{kFlipped / 4096});
  CHECK_FALSE(must(is_mounted_as(image, environment)));
  const Status again = mount_image(image, environment);
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kVerity);

  flip_bit(layer.blob_path, kFlipped);
  must(mount_image(image, environment));
  CHECK(read_errno(image.target + "/large") == 0);
  CHECK(must(is_mounted_as(image, environment)));
  must(unmount_image(image.target, environment));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("what was unmounted by hand is noticed, and exactly that is mounted again", "[verity]") {
  MountFixture fixture;
  ImageMount image{{fixture.build_layer("sample", fill_sample_tree)}, fixture.make_dir("target")};
  must(mount_image(image, fixture.environment()));
  RecordingMountApi api;
  SECTION("the image") {
    REQUIRE(::umount(image.target.c_str()) == 0);
    CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
    CHECK(must(list_mounts(fixture.environment())).empty());
    must(mount_image(image, fixture.environment(), api));
    CHECK(api.calls() == std::vector<std::string>{"mount_overlay"});
  }
  SECTION("a layer") {
    const std::string dir =
        fixture.environment().run_dir + "/layers/" + image.layers[0].root_hash.hex();
    const std::string layer =
        dir + (fixture.environment().verifier == Verifier::kDm ? "/dm/mnt" : "/mnt");
    REQUIRE(::umount(layer.c_str()) == 0);
    CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
    must(mount_image(image, fixture.environment(), api));
    CHECK(api.calls().front() == "unmount");
  }
  CHECK(must(is_mounted_as(image, fixture.environment())));
  CHECK(describe_tree(image.target) == describe_tree(fixture.tree("sample")));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("something else in a layer's place is not taken for the layer", "[verity]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("sample", fill_sample_tree);
  const ImageMount image{{layer}, fixture.make_dir("target")};
  const std::string place = fixture.make_dir("run/layers/" + layer.root_hash.hex() + "/mnt");
  REQUIRE(::mount("forged", place.c_str(), "tmpfs", 0, nullptr) == 0);
  write_file(place + "/forged", "forged");
  must(mount_image(image, fixture.environment()));
  CHECK(describe_tree(image.target) == describe_tree(fixture.tree("sample")));
  must(unmount_image(image.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a record without its mount is not believed", "[verity]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  must(mount_image(image, fixture.environment()));
  REQUIRE(::umount(image.target.c_str()) == 0);
  REQUIRE(::mount("foreign", image.target.c_str(), "tmpfs", 0, nullptr) == 0);
  CHECK_FALSE(must(is_mounted_as(image, fixture.environment())));
  CHECK(must(list_mounts(fixture.environment())).empty());
  must(collect_garbage(fixture.environment()));
  REQUIRE(::umount(image.target.c_str()) == 0);
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("a host without what a mount needs is refused with its class", "[verity][server]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  struct Case {
    std::vector<std::string> devices;
    Errc code;
  };
  const std::array<Case, 2> cases{{{{"null", "loop-control"}, Errc::kHost},
                                   {{"null", "fuse", "loop-control"}, Errc::kResource}}};
  for (const Case& host : cases) {
    INFO("only " << host.devices.back() << " in /dev");
    const int status = in_child([&] {
      replace_dev(host.devices);
      const Status mounted = mount_image(image, fixture.environment());
      ::_exit(mounted ? 0 : static_cast<int>(mounted.error().code()));
    });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == static_cast<int>(host.code));
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("without a loop driver servers show the layers with the image's own ids",
          "[verity][server]") {
  MountFixture fixture;
  const LayerSource layer = fixture.build_layer("sample", fill_sample_tree);
  const ImageMount image{{layer}, fixture.make_dir("target")};
  const int status = in_child([&] {
    replace_dev({"null", "fuse"});
    must(mount_image(image, fixture.environment()));
    const bool same = describe_tree(image.target) == describe_tree(fixture.tree("sample"));
    must(unmount_image(image.target, fixture.environment()));
    ::_exit(same ? 0 : 1);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(fixture.leftovers() == kNothing);
}

TEST_CASE("an upper directory on an overlay is refused before anything stays", "[verity]") {
  MountFixture fixture;
  ImageMount base = full_image(fixture);
  must(mount_image(base, fixture.environment()));
  ImageMount image = base;
  image.target = fixture.make_dir("second");
  image.write = Write::kUpper;
  image.upper_dir = base.target + "/srv";
  const Status mounted = mount_image(image, fixture.environment());
  REQUIRE_FALSE(mounted);
  CHECK(mounted.error().code() == Errc::kHost);
  must(unmount_image(base.target, fixture.environment()));
  CHECK(fixture.leftovers() == kNothing);
}
