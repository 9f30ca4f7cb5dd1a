#pragma once

#include <chrono>

#include "mosb/oci/http_client.h"
#include "mosb/oci/unreachable_hosts.h"

namespace mosb::oci {

/// How often a request that only reads is made again when a registry that has answered before is
/// out of reach, or says that it is for now (429, 500, 502, 503, 504).
struct RetryPolicy {
  /// The first one included. A blob that got further begins to count anew.
  unsigned attempts = 4;
  /// Doubled each time. A registry's own wish (Retry-After) counts instead.
  std::chrono::milliseconds first_pause{500};
  /// Whoever wants a longer pause is not waited for.
  std::chrono::milliseconds longest_pause{30'000};
  /// Not owned. Where it is set, a server that gave no answer is put there, and nothing is sent to
  /// one that is there already (kNetwork).
  UnreachableHosts* unreachable = nullptr;
};

/// Makes requests of the methods GET and HEAD again that may succeed a moment later, from where the
/// body was cut; the others are nobody's to repeat. The time allowed for a request counts for all
/// its attempts together. A server that never answered is not asked twice: it is more likely
/// misspelt than busy.
class PatientHttpClient final : public HttpClient {
 public:
  /// `http` must outlive the value.
  PatientHttpClient(HttpClient& http, RetryPolicy policy) : http_(http), retries_(policy) {}

  /// What the last attempt gave; 200 also where it took several to get the whole.
  Result<HttpResponse> send(const HttpRequest& request, const HttpPolicy& policy) override;
  bool failed_on_the_way() const override { return http_.failed_on_the_way(); }

 private:
  void remember_silence(const HttpRequest& request) const;
  /// How long to wait before the next attempt; nullopt: what came is final.
  std::optional<std::chrono::milliseconds> pause_after(const Result<HttpResponse>& response,
                                                       unsigned attempt) const;

  HttpClient& http_;
  RetryPolicy retries_;
  bool was_answered_ = false;
};

}  // namespace mosb::oci
