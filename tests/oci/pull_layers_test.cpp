#include <condition_variable>
#include <mutex>
#include <thread>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/pull.h"
#include "pull_fixture.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

/// Serves as many blobs at once as it says, and none before so many are asked for.
class SimultaneousRepository final : public OddRepository {
 public:
  SimultaneousRepository(Layout& layout, unsigned together)
      : OddRepository(layout), together_(together) {}

  std::optional<Digest> broken;
  bool were_together = false;

  unsigned parallel_fetches() const override { return together_; }
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override {
    {
      std::unique_lock lock(mutex_);
      if (++present_ == together_) {
        were_together = true;
        all_here_.notify_all();
      }
      all_here_.wait_for(lock, std::chrono::seconds(20), [&] { return were_together; });
    }
    if (broken == descriptor.digest) {
      return Error(Errc::kNetwork, "connection reset");
    }
    if (!broken) {
      return layout_.stream_blob(descriptor, from, sink);
    }
    // So slowly that it would take half an hour, unless the broken one ends it.
    const std::string bytes = must(layout_.read_blob(descriptor, ByteCount{kMiB}));
    for (const char byte : bytes) {
      MOSB_CHECK(sink(std::as_bytes(std::span(&byte, 1))));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return 1U;
  }

 private:
  unsigned together_;
  unsigned present_ = 0;
  std::mutex mutex_;
  std::condition_variable all_here_;
};

}  // namespace

TEST_CASE("layers are fetched at the same time where the repository can", "[oci]") {
  PullFixture f;
  const PulledMetadata pulled = must(f.pull());
  SimultaneousRepository from(f.source, 2);
  std::map<Digest, ByteCount> last;
  must(pull_layers(from,
                   plan_pull(pulled.parsed, f.store),
                   f.store,
                   [&](const Digest& layer, ByteCount done, ByteCount) { last[layer] = done; }));
  CHECK(from.were_together);
  for (std::size_t i = 0; i < kLayers.size(); ++i) {
    const Descriptor& layer = f.image.manifest.layers[i];
    CHECK(slurp(f.store.blob_path(layer.digest)) == kLayers[i]);
    CHECK(last[layer.digest] == ByteCount{layer.size});
  }
  CHECK(f.temp_is_empty());
}

TEST_CASE("the first layer that fails ends the others, and is what the error names", "[oci]") {
  PullFixture f;
  const PulledMetadata pulled = must(f.pull());
  SimultaneousRepository from(f.source, 2);
  from.broken = f.image.manifest.layers[1].digest;
  const Status status = pull_layers(from, plan_pull(pulled.parsed, f.store), f.store);
  CHECK(error_code(status) == Errc::kNetwork);
  CHECK_THAT(status.error().message(), Catch::Contains(from.broken->str()));
  CHECK_THAT(status.error().message(), Catch::Contains("connection reset"));
  CHECK(plan_pull(pulled.parsed, f.store).missing.size() == 2);
  // What came of the other one is kept for the next time.
  CHECK(f.temp_files() ==
        std::vector<std::string>{kPartPrefix + f.image.manifest.layers[0].digest.hex()});
}

TEST_CASE("a layer with wrong content is refused and leaves nothing", "[oci]") {
  PullFixture f;
  const PulledMetadata pulled = must(f.pull());
  const Descriptor layer = f.image.manifest.layers[1];
  Errc expected = Errc::kContent;
  SECTION("one bit differs") {
    std::string wrong = kLayers[1];
    wrong[12345] = 'c';
    f.from.lies[layer.digest] = wrong;
  }
  SECTION("it is short") {
    f.from.lies[layer.digest] = kLayers[1].substr(1);
  }
  SECTION("it is endless") {
    f.from.lies[layer.digest] = kLayers[1] + "b";
  }
  SECTION("the connection breaks") {
    expected = Errc::kNetwork;
    f.from.failures.emplace(layer.digest, Error(Errc::kNetwork, "connection reset"));
  }
  const Status status = pull_layers(f.from, plan_pull(pulled.parsed, f.store), f.store);
  CHECK(error_code(status) == expected);
  CHECK_THAT(status.error().message(), Catch::Contains(layer.digest.str()));
  CHECK_FALSE(path_exists(f.store.blob_path(layer.digest)));
  CHECK(f.temp_is_empty());
  // The layer before it stays and is not fetched again.
  CHECK(plan_pull(pulled.parsed, f.store).missing == std::vector<Descriptor>{layer});
}

TEST_CASE("a layer that is short in the store is fetched again, one of right size is not",
          "[oci]") {
  PullFixture f;
  const PulledMetadata pulled = must(f.pull());
  must(pull_layers(f.from, plan_pull(pulled.parsed, f.store), f.store));
  const Descriptor layer = f.image.manifest.layers[0];
  f.from.fetched.clear();
  spit(f.store.blob_path(layer.digest), kLayers[0].substr(0, 4096));
  const PullPlan plan = plan_pull(pulled.parsed, f.store);
  CHECK(plan.missing == std::vector<Descriptor>{layer});
  must(pull_layers(f.from, plan, f.store));
  CHECK(f.from.fetched == std::vector<Digest>{layer.digest});
  CHECK(slurp(f.store.blob_path(layer.digest)) == kLayers[0]);
}

TEST_CASE("too little room is said with numbers before anything is fetched", "[oci]") {
  PullFixture f;
  PullPlan plan;
  Descriptor huge = describe(kSquashfsLayer, "huge");
  huge.size = std::uint64_t{1} << 60U;
  plan = {.missing = {huge}, .bytes = ByteCount{huge.size}};
  const Status status = pull_layers(f.from, plan, f.store);
  CHECK(error_code(status) == Errc::kResource);
  CHECK_THAT(status.error().message(), Catch::Contains("1152921504606846976 bytes"));
  CHECK(f.from.fetched.empty());
}

TEST_CASE("layer sizes whose sum would wrap around are not taken for a small pull", "[oci]") {
  PullFixture f;
  Manifest manifest = f.image.manifest;
  manifest.layers.clear();
  for (int i = 0; i < 4; ++i) {
    Descriptor layer = describe(kSquashfsLayer, std::to_string(i));
    layer.size = (std::uint64_t{1} << 63U) - 1;
    manifest.layers.push_back(layer);
  }
  const PullPlan plan = plan_pull(manifest, f.store);
  CHECK(plan.bytes.value == ~std::uint64_t{0});
  CHECK(error_code(pull_layers(f.from, plan, f.store)) == Errc::kResource);
}
