#include "mosb/oci/connected_registry.h"

#include <utility>

#include "mosb/oci/curl_http_client.h"

namespace mosb::oci {

Result<ConnectedRegistry::Conversation> ConnectedRegistry::Conversation::open(
    const Address& address) {
  std::unique_ptr<HttpClient> http = MOSB_TRY(make_curl_http_client());
  Registry registry =
      MOSB_TRY(Registry::open(address.host, address.repository, address.options, *http));
  return Conversation{std::move(http), std::move(registry)};
}

Result<std::unique_ptr<Repository>> ConnectedRegistry::open(const std::string& host,
                                                            const std::string& repository,
                                                            const RegistryOptions& options) {
  Address address{host, repository, options};
  Conversation first = MOSB_TRY(Conversation::open(address));
  // The constructor is private, so that make_unique cannot be used.
  return std::unique_ptr<Repository>(new ConnectedRegistry(std::move(address), std::move(first)));
}

Result<Descriptor> ConnectedRegistry::resolve(const Reference& reference) {
  return first_.registry.resolve(reference);
}

Result<std::string> ConnectedRegistry::read_manifest(const Descriptor& descriptor) {
  return first_.registry.read_manifest(descriptor);
}

Result<unsigned> ConnectedRegistry::stream_blob(const Descriptor& descriptor,
                                                std::uint64_t from,
                                                const BlobSink& sink) {
  const std::unique_lock first(first_in_use_, std::try_to_lock);
  if (first) {
    return first_.registry.stream_blob(descriptor, from, sink);
  }
  Conversation own = MOSB_TRY(take());
  auto streamed = own.registry.stream_blob(descriptor, from, sink);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(own));
  return streamed;
}

Status ConnectedRegistry::read_part(const Descriptor& descriptor,
                                    std::uint64_t from,
                                    std::span<std::byte> out) {
  return first_.registry.read_part(descriptor, from, out);
}

Result<std::vector<Descriptor>> ConnectedRegistry::referrers(const Descriptor& subject,
                                                             const std::string& artifact_type) {
  return first_.registry.referrers(subject, artifact_type);
}

Status ConnectedRegistry::push_blob(const Descriptor& descriptor, const BlobSource& source) {
  return first_.registry.push_blob(descriptor, source);
}

Status ConnectedRegistry::push_manifest(const Descriptor& descriptor,
                                        std::string_view bytes,
                                        const std::optional<std::string>& tag) {
  return first_.registry.push_manifest(descriptor, bytes, tag);
}

Status ConnectedRegistry::push_referrer(const Descriptor& manifest,
                                        std::string_view bytes,
                                        const Descriptor& subject) {
  return first_.registry.push_referrer(manifest, bytes, subject);
}

Result<ConnectedRegistry::Conversation> ConnectedRegistry::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Conversation taken = std::move(idle_.back());
      idle_.pop_back();
      return taken;
    }
  }
  return Conversation::open(address_);
}

}  // namespace mosb::oci
