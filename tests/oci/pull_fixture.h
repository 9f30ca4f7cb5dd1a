#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/dir_list.h"
#include "mosb/oci/pull.h"
#include "test_image.h"

namespace mosb::oci::test {

/// A repository that counts what it is asked for and can lie or break.
class OddRepository : public Repository {
 public:
  explicit OddRepository(Layout& layout) : layout_(layout) {}

  int resolved = 0;
  std::vector<Digest> fetched;
  std::vector<Digest> manifests;
  /// Served instead of the blob's content, unchecked, as a bad registry would.
  std::map<Digest, std::string> lies;
  std::map<Digest, Error> failures;
  /// Where the connection breaks, once for each.
  std::map<Digest, std::uint64_t> cuts;
  /// In how many answers a blob comes.
  unsigned parts = 1;
  /// From which byte on each blob of `fetched` was asked for.
  std::vector<std::uint64_t> offsets;
  std::optional<Descriptor> extra_referrer;

  Result<Descriptor> resolve(const Reference& reference) override {
    ++resolved;
    return layout_.resolve(reference);
  }
  Result<std::string> read_manifest(const Descriptor& descriptor) override {
    manifests.push_back(descriptor.digest);
    return layout_.read_manifest(descriptor);
  }
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override {
    fetched.push_back(descriptor.digest);
    offsets.push_back(from);
    if (const auto cut = cuts.extract(descriptor.digest)) {
      const std::string bytes = must(layout_.read_blob(descriptor, ByteCount{descriptor.size}));
      MOSB_CHECK(sink(std::as_bytes(std::span(bytes)).subspan(from, cut.mapped() - from)));
      return Error(Errc::kNetwork, "connection reset");
    }
    if (const auto it = failures.find(descriptor.digest); it != failures.end()) {
      return it->second;
    }
    if (const auto it = lies.find(descriptor.digest); it != lies.end()) {
      MOSB_CHECK(sink(std::as_bytes(std::span(it->second)).subspan(from)));
      return parts;
    }
    return layout_.stream_blob(descriptor, from, sink);
  }
  Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                            const std::string& artifact_type) override {
    auto found = layout_.referrers(subject, artifact_type);
    if (found && extra_referrer) {
      found->push_back(*extra_referrer);
    }
    return found;
  }
  Status push_blob(const Descriptor&, const BlobSource&) override { return ok(); }
  Status push_manifest(const Descriptor&,
                       std::string_view,
                       const std::optional<std::string>&) override {
    return ok();
  }
  Status push_referrer(const Descriptor&, std::string_view, const Descriptor&) override {
    return ok();
  }

 protected:
  Layout& layout_;
};

inline const std::vector<std::string> kLayers = {std::string(300'000, 'a'),
                                                 std::string(500'000, 'b')};

struct PullFixture {
  TempDir dir = temp_dir();
  Layout source = must(Layout::open_or_create(dir.path() + "/source"));
  OddRepository from{source};
  Store store = must(Store::open_or_create(dir.path() + "/store"));
  TestImage image = make_image(kLayers);
  PullRequest request{
      .ref = must(Reference::parse("oci:" + dir.path() + "/source:web")),
      .scope = "local/mosb",
  };

  explicit PullFixture(bool push = true) {
    if (push) {
      push_image(source, image, kLayers, "web");
    }
  }
  Result<PulledMetadata> pull() { return pull_metadata(from, request, store); }
  /// Every blob that is in the store.
  std::vector<std::string> blobs() { return must(list_dir(dir.path() + "/store/blobs/sha256")); }
  std::vector<std::string> temp_files() { return must(list_dir(dir.path() + "/store/tmp")); }
  bool temp_is_empty() { return temp_files().empty(); }
};

}  // namespace mosb::oci::test
