#include "mosb/agent/http_web.h"

#include <chrono>
#include <string>
#include <utility>

#include "mosb/agent/environment_ca.h"
#include "mosb/base/text.h"
#include "mosb/oci/curl_http_client.h"
#include "mosb/oci/url.h"

namespace mosb::agent {

namespace {

constexpr int kOk = 200;

oci::HttpPolicy policy_for(const trust::WebRequest& request,
                           const oci::Url& url,
                           bool use_environment) {
  oci::HttpPolicy policy;
  policy.plain_http = url.scheme == "http";
  policy.use_environment_proxy = use_environment;
  policy.ca_file = use_environment ? environment_ca_file() : "";
  policy.timeouts.connect = request.timeout;
  policy.timeouts.request = request.timeout;
  policy.timeouts.deadline = std::chrono::steady_clock::now() + request.timeout;
  return policy;
}

}  // namespace

Result<std::unique_ptr<oci::HttpClient>> HttpWeb::take_client() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    return oci::make_curl_http_client();
  }
  std::unique_ptr<oci::HttpClient> client = std::move(idle_.back());
  idle_.pop_back();
  return client;
}

void HttpWeb::give_back(std::unique_ptr<oci::HttpClient> client) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(client));
}

Result<oci::HttpResponse> HttpWeb::send(const trust::WebRequest& request) {
  oci::HttpRequest http;
  http.url = MOSB_TRY(oci::Url::parse(request.url));
  http.max_body = request.max_answer;
  if (request.content) {
    http.method = oci::HttpMethod::kPost;
    http.headers.emplace_back("Content-Type", request.content->media_type);
    http.upload = oci::upload_of(request.content->bytes);
  }
  std::unique_ptr<oci::HttpClient> client = MOSB_TRY(take_client());
  auto response = client->send(http, policy_for(request, http.url, options_.use_environment));
  give_back(std::move(client));
  return response;
}

Result<trust::WebAnswer> HttpWeb::ask(const trust::WebRequest& request) {
  oci::HttpResponse response = MOSB_TRY(send(request).as(Errc::kNetwork));
  if (response.status != kOk) {
    return Error(Errc::kNetwork, "the server answered " + std::to_string(response.status));
  }
  const auto media_type = MOSB_TRY(response.headers.find("Content-Type"));
  return trust::WebAnswer{media_type.value_or(""), std::move(response.body)};
}

}  // namespace mosb::agent
