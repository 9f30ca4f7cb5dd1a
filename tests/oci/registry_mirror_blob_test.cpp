#include <atomic>
#include <thread>

#include "mosb/oci/refetch.h"
#include "tests/oci/mirror_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::kMiB;
using mosb::oci::fetch_anew_while_wrong;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::blob_rule;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::Mirrored;
using mosb::test::must;
using mosb::test::place;
using mosb::test::refused;
using mosb::test::serve;
using mosb::test::subject;

namespace {

/// Larger than what is kept in memory until it has been checked.
std::string large_bytes() {
  std::string bytes(5 * kMiB, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>('a' + i % 23);
  }
  return bytes;
}

/// What a sink has in the end.
struct Taken {
  mosb::oci::BlobSink sink() {
    return [this](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      return mosb::ok();
    };
  }
  std::string bytes;
};

}  // namespace

TEST_CASE("a mirror's wrong content is never handed on, and the next place gives the right one",
          "[mirrors]") {
  const std::string forged(5, 'x');
  const std::string digest = subject().digest.str();
  std::string other = kManifest;
  other.back() = ' ';
  for (const Json& lie : {Json{{"path", blob_path(blob_of("layer"))}, {"body", forged}},
                          Json{{"path", blob_path(blob_of("layer"))}, {"body", "longer"}},
                          Json{{"path", blob_path(blob_of("layer"))}, {"endless", true}}}) {
    INFO(lie.dump());
    const auto mirror = serve({lie, manifest_rule(digest, other)});
    const auto registry = serve({blob_rule("layer"), manifest_rule(digest, kManifest)});
    for (const bool manifest : {false, true}) {
      Mirrored all({place(mirror.host())}, place(registry.host()));
      Taken taken;
      if (manifest) {
        CHECK(must(all.repository.read_manifest(subject())) == kManifest);
      } else {
        CHECK(all.repository.fetch_blob(blob_of("layer"), taken.sink()));
        CHECK(taken.bytes == "layer");
      }
      CHECK(all.left.size() == 1);
    }
  }
}

TEST_CASE("a large blob that a mirror breaks off is gone on with at the next place", "[mirrors]") {
  const std::string bytes = large_bytes();
  Json cut = blob_rule(bytes);
  cut["cut_after"] = 3'000'001;
  cut["leave"] = true;
  const auto mirror = serve({cut});
  const auto registry = serve({blob_rule(bytes)});
  Mirrored all({place(mirror.host())}, place(registry.host()));
  Taken taken;
  CHECK(all.repository.fetch_blob(blob_of(bytes), taken.sink()));
  CHECK(taken.bytes == bytes);
  REQUIRE(all.left.size() == 1);
  CHECK(all.left[0].starts_with(mirror.host()));
}

TEST_CASE("a large blob that a mirror forged fails, and a new sink gets the right one",
          "[mirrors]") {
  const std::string bytes = large_bytes();
  std::string forged = bytes;
  forged[7] = '!';
  const Json whole{{"path", blob_path(blob_of(bytes))}, {"body", forged}};
  Json begun = whole;
  begun["cut_after"] = 3'000'000;
  begun["leave"] = true;
  for (const Json& lie : {whole, begun}) {
    const auto mirror = serve({lie});
    const auto registry = serve({blob_rule(bytes)});
    Mirrored all({place(mirror.host())}, place(registry.host()));
    Taken taken;
    CHECK(refused(all.repository.fetch_blob(blob_of(bytes), taken.sink())).code() ==
          Errc::kContent);
    CHECK(all.left.size() == 1);
    int sinks = 0;
    CHECK(fetch_anew_while_wrong(all.repository, [&] {
      ++sinks;
      taken.bytes.clear();
      return all.repository.fetch_blob(blob_of(bytes), taken.sink());
    }));
    CHECK(sinks == 1);
    CHECK(taken.bytes == bytes);
  }
}

TEST_CASE("wrong content of every place ends in a refusal", "[mirrors]") {
  const std::string bytes = large_bytes();
  std::string forged = bytes;
  forged[7] = '!';
  const Json lie{{"path", blob_path(blob_of(bytes))}, {"body", forged}};
  const auto mirror = serve({lie});
  const auto registry = serve({lie});
  Mirrored all({place(mirror.host())}, place(registry.host()));
  int sinks = 0;
  const auto error = refused(fetch_anew_while_wrong(all.repository, [&] {
    ++sinks;
    return all.repository.fetch_blob(blob_of(bytes), Taken().sink());
  }));
  CHECK(error.code() == Errc::kContent);
  CHECK(sinks == 2);
}

TEST_CASE("a sink that fails is no mirror's fault", "[mirrors]") {
  const std::string bytes = large_bytes();
  for (const std::string& blob : {bytes, std::string("layer")}) {
    const auto mirror = serve({blob_rule(blob)});
    const auto registry = serve({blob_rule(blob)});
    Mirrored all({place(mirror.host())}, place(registry.host()));
    const auto error = refused(all.repository.fetch_blob(
        blob_of(blob), [](std::span<const std::byte> /*piece*/) -> mosb::Status {
          return Error(Errc::kResource, "the disk is full");
        }));
    CHECK(error.code() == Errc::kResource);
    CHECK(all.left.empty());
    CHECK(registry.requests().empty());
  }
}

TEST_CASE("several blobs at once leave a mirror that fails, and all arrive", "[mirrors]") {
  std::vector<Json> right;
  std::vector<std::string> blobs;
  for (int i = 0; i < 12; ++i) {
    blobs.emplace_back(100'000, static_cast<char>('a' + i));
    right.push_back(blob_rule(blobs.back()));
  }
  // Two of them are right; for the others it is busy.
  const auto mirror = serve({blob_rule(blobs[0]), blob_rule(blobs[1]), {{"status", 503}}});
  const auto registry = serve(right);
  Mirrored all({place(mirror.host())}, place(registry.host()));
  std::vector<std::string> taken(blobs.size());
  {
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < all.repository.parallel_fetches(); ++t) {
      threads.emplace_back([&] {
        for (std::size_t i = next++; i < blobs.size(); i = next++) {
          Taken sink;
          if (all.repository.fetch_blob(blob_of(blobs[i]), sink.sink())) {
            taken[i] = sink.bytes;
          }
        }
      });
    }
  }
  CHECK(taken == blobs);
  CHECK(all.left.size() == 1);
}
