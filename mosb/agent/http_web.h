#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/http_client.h"
#include "mosb/trust/web.h"

namespace mosb::agent {

/// The trust::Web over HTTP. The library behind it is loaded with the first request: most
/// certificates name nobody to ask.
class HttpWeb final : public trust::Web {
 public:
  struct Options {
    /// Operator commands honour the proxy variables and SSL_CERT_FILE, the agent does not.
    bool use_environment = true;
  };

  explicit HttpWeb(Options options) : options_(options) {}

  Result<trust::WebAnswer> ask(const trust::WebRequest& request) override;

 private:
  Result<oci::HttpResponse> send(const trust::WebRequest& request);
  Result<std::unique_ptr<oci::HttpClient>> take_client();
  void give_back(std::unique_ptr<oci::HttpClient> client);

  Options options_;
  std::mutex mutex_;
  /// Each thread takes one for a request, so that they share connections.
  std::vector<std::unique_ptr<oci::HttpClient>> idle_;
};

}  // namespace mosb::agent
