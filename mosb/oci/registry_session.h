#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mosb/base/result.h"
#include "mosb/oci/auth.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/http_client.h"
#include "mosb/oci/patient_http_client.h"

namespace mosb::oci {

/// A manifest or index as it came over the wire.
struct FetchedManifest {
  Descriptor descriptor;
  std::string bytes;
};

/// Speaks to one repository of one registry: builds URLs, authenticates, and turns answers that
/// nobody wants into errors.
class RegistrySession {
 public:
  RegistrySession(AuthOptions options, HttpClient& http, RetryPolicy retries);

  /// "HOST/REPOSITORY", for messages.
  const std::string& name() const { return name_; }
  const std::string& repository() const { return repository_; }
  /// The URL of "/v2/REPOSITORY/<rest>".
  Url url(std::string_view rest) const;
  /// A request with this session's URL.
  static HttpRequest request(HttpMethod method, Url url);

  /// Sends it, answering one 401. An answer of any other status is a value.
  Result<HttpResponse> send(HttpRequest request, Access access);

  /// The manifest that a tag or digest names, once, of one of the media types in `accept`.
  /// The digest is that of the bytes. Errors: kNotFound, kContent.
  Result<FetchedManifest> get_manifest(const std::string& reference,
                                       const std::vector<std::string>& accept,
                                       std::optional<std::uint64_t> exact_size);
  /// Stores it under a tag or digest. The value is the answer.
  Result<HttpResponse> put_manifest(const std::string& reference,
                                    const std::string& media_type,
                                    std::string_view bytes);

  /// The error for an answer with an unwanted status: its class, what the server says, a hint.
  Error refusal(const HttpResponse& response, const std::string& what) const;

  /// The manifest fetched last, so that resolving and reading it is one request.
  std::optional<FetchedManifest>& last_manifest() { return last_manifest_; }
  /// Whether the registry has the referrers API; nullopt until it was asked.
  std::optional<bool>& has_referrers_api() { return has_referrers_api_; }

 private:
  Url origin_;
  std::string repository_;
  std::string name_;
  HttpPolicy policy_;
  PatientHttpClient http_;
  Auth auth_;
  std::optional<FetchedManifest> last_manifest_;
  std::optional<bool> has_referrers_api_;
};

}  // namespace mosb::oci
