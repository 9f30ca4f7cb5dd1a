#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

/// One of the places that may have a repository's content.
struct Place {
  /// HOST[:PORT]/REPOSITORY, for messages.
  std::string name;
  /// Called when it is first asked for something. The value serves kParallelFetches at once.
  std::function<Result<std::unique_ptr<Repository>>()> open;
};

/// A repository that is read from its mirrors, one after the other, and then from the registry
/// itself. A mirror that fails or gives wrong content is left for good; one that lacks something is
/// left for that. What a mirror says is checked against digests as what the registry says, and
/// which digest a tag means is for signatures to confirm. What is pushed goes to the registry.
///
/// Errors: the class is that of what the registry itself said; the message has what each place
/// said.
class MirroredRepository final : public Repository {
 public:
  /// Told of each place that is left, and why; by one thread at a time.
  using Left = std::function<void(const std::string& place, const Error& why)>;

  /// Mirrors are asked in their order. `registry` is the one that the reference names.
  MirroredRepository(std::vector<Place> mirrors, Place registry, Left on_left);

  /// Asked at the places in turn until one answers: that one is asked first for manifests and
  /// referrers from then on.
  Result<Descriptor> resolve(const Reference& reference) override;
  Result<std::string> read_manifest(const Descriptor& descriptor) override;
  /// A place that fails in the middle is followed by the next one from there on. A large blob that
  /// one place gave and that turns out wrong at its end is kContent, for the sink has it already;
  /// another call with a new sink passes over that place.
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override;
  Status read_part(const Descriptor& descriptor,
                   std::uint64_t from,
                   std::span<std::byte> out) override;
  unsigned parallel_fetches() const override;
  unsigned places() const override { return static_cast<unsigned>(places_.size()); }
  /// Those of the first place that lists any.
  Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                            const std::string& artifact_type) override;

  Status push_blob(const Descriptor& descriptor, const BlobSource& source) override;
  Status push_manifest(const Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override;
  Status push_referrer(const Descriptor& manifest,
                       std::string_view bytes,
                       const Descriptor& subject) override;

 private:
  struct AskedPlace {
    Place place;
    bool is_registry = false;
    std::unique_ptr<Repository> repository = nullptr;
    /// Why it is not asked any more; never of the registry itself.
    std::optional<Error> failure = {};
  };
  /// What the places said that could not help.
  class Refusals;

  /// Asks the places in the order of their numbers until `ask` has a value.
  template <class T, class Ask>
  Result<T> first_answer(const std::vector<std::size_t>& order, Ask ask);
  /// The place, opened; its failure if it has been left for good.
  Result<Repository*> enter(AskedPlace& asked);
  void leave(AskedPlace& asked, const Error& why);
  /// Mirrors first, or the place that resolved the reference.
  std::vector<std::size_t> in_order() const;
  std::vector<std::size_t> resolver_first() const;
  Result<Repository*> registry();
  Result<unsigned> stream_checked(const Descriptor& descriptor, const BlobSink& sink);
  Result<unsigned> stream_on(const Descriptor& descriptor,
                             std::uint64_t from,
                             const BlobSink& sink);

  /// The registry itself is the last one.
  std::vector<AskedPlace> places_;
  Left on_left_;
  /// Which place resolved the reference.
  std::optional<std::size_t> resolver_;
  /// Of the places' members that change.
  std::mutex mutex_;
};

}  // namespace mosb::oci
