#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/oci/credentials.h"
#include "mosb/oci/http_client.h"
#include "mosb/oci/patient_http_client.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

class RegistrySession;

struct RegistryOptions {
  /// Plain HTTP instead of HTTPS: for a registry that an operator named as such.
  bool insecure = false;
  /// The only certificate authorities trusted, as a PEM file; empty: the system's.
  std::string ca_file = {};
  /// See auth_file.h for those that a login left behind.
  std::optional<Credentials> credentials = {};
  /// HOST[:PORT] of token servers on other hosts than the registry's own, e.g. "auth.docker.io" for
  /// docker.io. None other is asked.
  std::vector<std::string> trusted_realms = {};
  /// HTTPS_PROXY and its like: for an operator's command, never for the agent.
  bool use_environment_proxy = false;
  HttpTimeouts timeouts = {};
  RetryPolicy retries = {};
};

/// One repository of a registry. Nothing is sent before the first operation. Not to be used by two
/// threads at once.
/// Spec: OCI distribution 1.1. Errors of every operation: kNetwork (unreachable, TLS, not allowed,
/// too slow, an answer that is no registry's), kContent (digest, size, media type), kNotFound.
class Registry final : public Repository {
 public:
  /// `host` is HOST[:PORT] as in a reference; `http` must outlive the value.
  /// Errors: kUsage if an option cannot be used.
  static Result<Registry> open(const std::string& host,
                               const std::string& repository,
                               RegistryOptions options,
                               HttpClient& http);
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry() override;

  /// The manifest itself is fetched, so that digest and size are those of its bytes and not of a
  /// header; a read_manifest() of it makes no second request.
  Result<Descriptor> resolve(const Reference& reference) override;
  Result<std::string> read_manifest(const Descriptor& descriptor) override;
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override;
  Status read_part(const Descriptor& descriptor,
                   std::uint64_t from,
                   std::span<std::byte> out) override;
  /// The referrers API, or the referrers tag where the registry has no API; never both.
  Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                            const std::string& artifact_type) override;

  Status push_blob(const Descriptor& descriptor, const BlobSource& source) override;
  Status push_manifest(const Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override;
  /// Where the registry does not list referrers itself, the index under the referrers tag is read,
  /// extended, written and read again until the entry is seen in it: registries offer no lock.
  Status push_referrer(const Descriptor& manifest,
                       std::string_view bytes,
                       const Descriptor& subject) override;

 private:
  explicit Registry(std::unique_ptr<RegistrySession> session);
  std::unique_ptr<RegistrySession> session_;
};

}  // namespace mosb::oci
