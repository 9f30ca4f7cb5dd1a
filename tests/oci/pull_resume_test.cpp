#include <chrono>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/pull.h"
#include "pull_fixture.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;
using Offsets = std::vector<std::uint64_t>;

namespace {

struct ResumeFixture : PullFixture {
  PulledMetadata pulled = must(pull());
  Descriptor layer = image.manifest.layers[1];
  std::string part = part_path(dir.path() + "/store/tmp", layer.digest);

  ResumeFixture() {
    from.offsets.clear();
    from.fetched.clear();
  }
  /// Of the second layer only.
  Status pull_layer() {
    return pull_layers(from, {.missing = {layer}, .bytes = ByteCount{layer.size}}, store);
  }
  bool has_layer() { return slurp(store.blob_path(layer.digest)) == kLayers[1]; }
};

void make_old(const std::string& path) {
  const auto then = std::chrono::system_clock::now() - kPartLife - std::chrono::minutes(1);
  const timespec time{std::chrono::system_clock::to_time_t(then), 0};
  const timespec times[2] = {time, time};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

/// Gives a blob's bytes slowly, so that somebody else asks for it meanwhile.
class SlowRepository final : public OddRepository {
 public:
  explicit SlowRepository(Layout& layout) : OddRepository(layout) {}
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override {
    return OddRepository::stream_blob(descriptor, from, [&](std::span<const std::byte> part) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      return sink(part);
    });
  }
};

}  // namespace

TEST_CASE("a pull goes on where the network failed the one before", "[oci]") {
  ResumeFixture f;
  f.from.cuts.emplace(f.layer.digest, 123'456);
  CHECK(error_code(f.pull_layer()) == Errc::kNetwork);
  CHECK(slurp(f.part) == kLayers[1].substr(0, 123'456));
  must(f.pull_layer());
  CHECK(f.from.offsets == Offsets{0, 123'456});
  CHECK(f.has_layer());
  CHECK(f.temp_is_empty());
}

TEST_CASE("a part that was whole when its writer was killed is not asked for again", "[oci]") {
  ResumeFixture f;
  spit(f.part, kLayers[1]);
  must(f.pull_layer());
  CHECK(f.from.fetched.empty());
  CHECK(f.has_layer());
  CHECK(f.temp_is_empty());
}

TEST_CASE("a part of something else starts over", "[oci]") {
  ResumeFixture f;
  SECTION("other bytes") {
    spit(f.part, std::string(100, 'x'));
    must(f.pull_layer());
    CHECK(f.from.offsets == Offsets{100, 0});
  }
  SECTION("as many bytes as the layer has, zeros at their end as a crash leaves them") {
    spit(f.part, kLayers[1].substr(0, 400'000) + std::string(100'000, '\0'));
    must(f.pull_layer());
    CHECK(f.from.offsets == Offsets{0});
  }
  SECTION("more bytes than the layer has") {
    spit(f.part, kLayers[1] + "b");
    must(f.pull_layer());
    CHECK(f.from.offsets == Offsets{0});
  }
  CHECK(f.has_layer());
  CHECK(f.temp_is_empty());
}

TEST_CASE("a layer whose parts do not fit together is asked for three times at most", "[oci]") {
  ResumeFixture f;
  std::string wrong = kLayers[1];
  wrong.back() = 'c';
  f.from.lies[f.layer.digest] = wrong;
  f.from.parts = 2;
  const Status status = f.pull_layer();
  CHECK(error_code(status) == Errc::kContent);
  CHECK(f.from.offsets == Offsets{0, 0, 0});
  CHECK(f.temp_is_empty());
}

TEST_CASE("a layer that came in one answer and is wrong is not asked for again", "[oci]") {
  ResumeFixture f;
  f.from.lies[f.layer.digest] = std::string(kLayers[1].size(), 'c');
  CHECK(error_code(f.pull_layer()) == Errc::kContent);
  CHECK(f.from.offsets == Offsets{0});
  CHECK(f.temp_is_empty());
}

TEST_CASE("a part that is no regular file is no way out of the store", "[oci]") {
  ResumeFixture f;
  const std::string target = f.dir.path() + "/target";
  spit(target, "precious");
  REQUIRE(::symlink(target.c_str(), f.part.c_str()) == 0);
  CHECK_FALSE(f.pull_layer());
  CHECK(slurp(target) == "precious");
}

TEST_CASE("a layer that two ask for is fetched once", "[oci]") {
  ResumeFixture f;
  SlowRepository slow(f.source);
  Store other = must(Store::open_or_create(f.dir.path() + "/store"));
  const PullPlan plan{.missing = {f.layer}, .bytes = ByteCount{f.layer.size}};
  Status first = ok();
  {
    const std::jthread thread([&] { first = pull_layers(slow, plan, other); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    must(f.pull_layer());
  }
  must(std::move(first));
  CHECK(slow.fetched.size() + f.from.fetched.size() == 1);
  CHECK(f.has_layer());
  CHECK(f.temp_is_empty());
}

TEST_CASE("a layer that is damaged and asked for again is replaced", "[oci]") {
  ResumeFixture f;
  spit(f.store.blob_path(f.layer.digest), std::string(kLayers[1].size(), 'x'));
  must(f.pull_layer());
  CHECK(f.has_layer());
}

TEST_CASE("parts that nobody goes on with are removed after a week", "[oci]") {
  ResumeFixture f;
  spit(f.part, "part");
  const std::string tmp = f.dir.path() + "/store/tmp";
  must(remove_abandoned(tmp));
  CHECK(path_exists(f.part));
  make_old(f.part);
  {
    const auto writer = must(BlobWriter::resume(tmp, f.layer));
    must(remove_abandoned(tmp));
    CHECK(path_exists(f.part));  // somebody goes on with it
  }
  spit(f.part, "part");
  make_old(f.part);
  must(Store::open_or_create(f.dir.path() + "/store"));
  CHECK_FALSE(path_exists(f.part));
}
