#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/registry.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

/// A registry's repository, with a conversation (a connection, tokens) for each blob that is
/// fetched at the same time. They are kept, so that the next blob finds a connection.
class ConnectedRegistry final : public Repository {
 public:
  /// As many as other tools take: what one connection leaves of a line, some more fill.
  static constexpr unsigned kParallelFetches = 4;

  /// As Registry::open(). Nothing is sent.
  static Result<std::unique_ptr<Repository>> open(const std::string& host,
                                                  const std::string& repository,
                                                  const RegistryOptions& options);

  Result<Descriptor> resolve(const Reference& reference) override;
  Result<std::string> read_manifest(const Descriptor& descriptor) override;
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override;
  Status read_part(const Descriptor& descriptor,
                   std::uint64_t from,
                   std::span<std::byte> out) override;
  unsigned parallel_fetches() const override { return kParallelFetches; }
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
  /// How one is begun.
  struct Address {
    std::string host;
    std::string repository;
    RegistryOptions options;
  };
  struct Conversation {
    // Declared first: the registry uses it to its end.
    std::unique_ptr<HttpClient> http;
    Registry registry;

    static Result<Conversation> open(const Address& address);
  };

  ConnectedRegistry(Address address, Conversation first)
      : address_(std::move(address)), first_(std::move(first)) {}
  Result<Conversation> take();

  Address address_;
  Conversation first_;
  std::mutex first_in_use_;
  /// Of idle_.
  std::mutex mutex_;
  std::vector<Conversation> idle_;
};

}  // namespace mosb::oci
