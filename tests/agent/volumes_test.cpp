#include "mosb/agent/volumes.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::agent;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir dir = *TempDir::make("/tmp", "mosb-volumes-test-");
  Paths paths{dir.path()};
  Fixture() {
    fs::create_directories(paths.state());
    fs::create_directories(paths.volumes());
  }
};

}  // namespace

TEST_CASE("a persistent volume keeps its files", "[volumes]") {
  const Fixture f;
  const VolumeBind volume{"data", "/data", false, true};
  const auto dir = ensure_volume(f.paths, volume);
  REQUIRE(dir);
  std::ofstream(*dir + "/kept") << "x";
  REQUIRE(ensure_volume(f.paths, volume));
  CHECK(fs::exists(*dir + "/kept"));
}

TEST_CASE("a volume that is not persistent survives within a boot and is emptied after another",
          "[volumes]") {
  const Fixture f;
  const VolumeBind volume{"cache", "/cache", false, false};
  const auto dir = ensure_volume(f.paths, volume);
  REQUIRE(dir);
  std::ofstream(*dir + "/old") << "x";
  REQUIRE(ensure_volume(f.paths, volume));
  CHECK(fs::exists(*dir + "/old"));
  // As if the record were of another boot.
  REQUIRE(
      write_file_atomic(f.paths.state() + "/volatile-volumes.json", "{\"cache\":\"other\"}", 0600));
  REQUIRE(ensure_volume(f.paths, volume));
  CHECK_FALSE(fs::exists(*dir + "/old"));
}

TEST_CASE("a volume that was persistent is not emptied because a manifest says so", "[volumes]") {
  const Fixture f;
  const VolumeBind kept{"data", "/data", false, true};
  const VolumeBind emptied{"data", "/data", false, false};
  SECTION("made persistent") {}
  SECTION("made otherwise and persistent since") {
    REQUIRE(ensure_volume(f.paths, emptied));
  }
  const auto dir = ensure_volume(f.paths, kept);
  REQUIRE(dir);
  std::ofstream(*dir + "/kept") << "x";
  const auto refused = ensure_volume(f.paths, emptied);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kVolume);
  CHECK_FALSE(refused.error().hint().empty());
  CHECK_FALSE(check_volume(f.paths, emptied));
  CHECK(fs::exists(*dir + "/kept"));
  fs::remove_all(*dir);
  CHECK(ensure_volume(f.paths, emptied));
}

TEST_CASE("a symlink in a volume's place is refused and not followed", "[volumes]") {
  const Fixture f;
  fs::create_directory(f.dir.path() + "/elsewhere");
  fs::create_directory_symlink(f.dir.path() + "/elsewhere", f.paths.volumes() + "/data");
  const auto dir = ensure_volume(f.paths, {"data", "/data", false, true});
  REQUIRE_FALSE(dir);
  CHECK(dir.error().code() == Errc::kVolume);
}
