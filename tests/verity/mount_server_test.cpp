#include <algorithm>
#include <csignal>
#include <optional>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/verity/mount_fixture.h"
#include "verity/mounted_image.h"
#include "verity/server_probe.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

const std::vector<std::string> kNothing;

/// The environments of a case about servers: over dm-verity those that show the files only.
std::vector<MountEnvironment> with_servers(const MountFixture& fixture) {
  if (fixture.environment().verifier == Verifier::kDm) {
    return {fixture.with_userspace_view()};
  }
  return {fixture.environment(), fixture.with_userspace_view()};
}

}  // namespace

TEST_CASE("a layer whose server was killed is reported and mounted anew", "[verity][view]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  for (const MountEnvironment& environment : with_servers(fixture)) {
    must(mount_image(image, environment));
    const std::vector<pid_t> servers = fixture.servers();
    REQUIRE(servers.size() == 2);
    REQUIRE(::kill(servers.front(), SIGKILL) == 0);
    // Its name goes from /proc before its descriptors are closed.
    REQUIRE(eventually([&] { return !must(is_mounted_as(image, environment)); }));
    const auto mounts = must(list_mounts(environment));
    REQUIRE(mounts.size() == 1);
    CHECK(std::count_if(mounts[0].layers.begin(), mounts[0].layers.end(), [](const auto& layer) {
            return layer.corrupt && layer.detail == "its server is gone";
          }) == 1);
    must(mount_image(image, environment));
    CHECK(must(is_mounted_as(image, environment)));
    CHECK(read_errno(image.target + "/bin/tool") == 0);
    must(unmount_image(image.target, environment));
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("a stopped server does not outlive its layer", "[verity][view]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  for (const MountEnvironment& environment : with_servers(fixture)) {
    must(mount_image(image, environment));
    for (const pid_t pid : fixture.servers()) {
      REQUIRE(::kill(pid, SIGSTOP) == 0);
    }
    must(unmount_image(image.target, environment));
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("a reader whom a stopped server holds is freed by the next unmount", "[verity][view]") {
  MountFixture fixture;
  ImageMount image{{fixture.build_layer("large", fill_large_tree)}, fixture.make_dir("target")};
  for (const MountEnvironment& environment : with_servers(fixture)) {
    image.idmap =
        environment.force_userspace_view ? std::optional(IdRange{700000000, 65536}) : std::nullopt;
    must(mount_image(image, environment));
    const std::vector<pid_t> servers = fixture.servers();
    REQUIRE(servers.size() == 1);
    REQUIRE(stop_process(servers.front()));
    const pid_t reader = ::fork();
    if (reader == 0) {
      ::_exit(read_errno(image.target + "/large"));
    }
    // Not before it has opened the file or hangs on the way there: only then is the mount busy.
    REQUIRE(eventually([&] { return is_in_state(reader, 'D') || is_in_state(reader, 'S'); }));
    must(unmount_image(image.target, environment));
    int status = 0;
    REQUIRE(::waitpid(reader, &status, 0) == reader);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) != 0);
    CHECK(fixture.leftovers() == kNothing);
  }
}

TEST_CASE("a server that answers is not taken for a stuck one", "[verity][view]") {
  MountFixture fixture;
  const ImageMount image = full_image(fixture);
  for (const MountEnvironment& environment : with_servers(fixture)) {
    must(mount_image(image, environment));
    CHECK(must(end_stuck_servers(environment, std::chrono::seconds(5))).empty());
    REQUIRE(stop_process(fixture.servers().front()));
    CHECK(must(end_stuck_servers(environment, std::chrono::milliseconds(200))).size() == 1);
    CHECK_FALSE(must(is_mounted_as(image, environment)));
    must(unmount_image(image.target, environment));
    CHECK(fixture.leftovers() == kNothing);
  }
}
