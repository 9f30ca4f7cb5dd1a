#include "mosb/oci/registry_session.h"

#include <algorithm>

#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

/// "CODE: message" of the first error in a registry's error document, or "".
/// Spec: OCI distribution 1.1 §Error Codes.
std::string first_error(const std::string& body) {
  const auto document = json::parse(body, kMaxErrorBody);
  const auto errors = document ? json::optional_array(*document, "errors") : nullptr;
  if (!errors || *errors == nullptr || (*errors)->empty()) {
    return "";
  }
  const auto code = json::optional_string((*errors)->front(), "code");
  const auto message = json::optional_string((*errors)->front(), "message");
  std::string text = code && *code ? **code : "";
  if (message && *message && !(*message)->empty()) {
    text += (text.empty() ? "" : ": ") + **message;
  }
  return text;
}

/// "type/subtype" without parameters.
std::string media_type_of(const std::string& content_type) {
  const std::string type = content_type.substr(0, content_type.find(';'));
  return type.substr(0, type.find_last_not_of(" \t") + 1);
}

Status check_digest_header(const HttpResponse& response, const Digest& digest) {
  const auto header = MOSB_TRY(response.headers.find("Docker-Content-Digest"));
  if (header && header->starts_with("sha256:") && *header != digest.str()) {
    return Error(Errc::kContent,
                 "the registry calls it " + quote(*header) + ", but it is " + digest.str());
  }
  return ok();
}

}  // namespace

RegistrySession::RegistrySession(AuthOptions options, HttpClient& http, RetryPolicy retries)
    : origin_(options.origin),
      repository_(options.repository),
      name_(origin_.authority() + "/" + repository_),
      policy_(options.policy),
      http_(http, retries),
      auth_(std::move(options), http_) {}

Url RegistrySession::url(std::string_view rest) const {
  Url url = origin_;
  url.target = "/v2/" + repository_ + "/" + std::string(rest);
  return url;
}

HttpRequest RegistrySession::request(HttpMethod method, Url url) {
  HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  request.max_body = kMaxErrorBody;
  return request;
}

Result<HttpResponse> RegistrySession::send(HttpRequest request, Access access) {
  request.authorization = auth_.authorization(access);
  HttpResponse response = MOSB_TRY(http_.send(request, policy_));
  if (response.status != 401) {
    return response;
  }
  // A token may have expired meanwhile; a new one that is refused too is final.
  MOSB_CHECK(auth_.answer(response, access).context("authenticate to " + name_));
  request.authorization = auth_.authorization(access);
  // It may have expired between two attempts at one blob.
  request.offset = response.passed;
  HttpResponse again = MOSB_TRY(http_.send(request, policy_));
  again.parts += response.parts;
  return again;
}

Result<FetchedManifest> RegistrySession::get_manifest(const std::string& reference,
                                                      const std::vector<std::string>& accept,
                                                      std::optional<std::uint64_t> exact_size) {
  HttpRequest get = request(HttpMethod::kGet, url("manifests/" + reference));
  get.headers.emplace_back("Accept", join(accept, ", "));
  get.max_body = kMaxManifestSize;
  get.exact_size = exact_size;
  HttpResponse response = MOSB_TRY(send(std::move(get), Access::kPull));
  const std::string what = "manifest " + quote(reference) + " of " + name_;
  if (response.status != 200) {
    return refusal(response, what);
  }
  const std::optional<std::string> content_type =
      MOSB_TRY(response.headers.find("Content-Type").context(what));
  const std::string media_type = media_type_of(content_type.value_or(""));
  if (std::find(accept.begin(), accept.end(), media_type) == accept.end()) {
    return Error(Errc::kContent, what + ": media type " + quote(media_type) + " was not asked for");
  }
  const Descriptor descriptor = describe(media_type, response.body);
  MOSB_CHECK(check_digest_header(response, descriptor.digest).context(what));
  return FetchedManifest{descriptor, std::move(response.body)};
}

Result<HttpResponse> RegistrySession::put_manifest(const std::string& reference,
                                                   const std::string& media_type,
                                                   std::string_view bytes) {
  HttpRequest put = request(HttpMethod::kPut, url("manifests/" + reference));
  put.headers.emplace_back("Content-Type", media_type);
  put.upload = upload_of(bytes);
  HttpResponse response = MOSB_TRY(send(std::move(put), Access::kPush));
  const std::string what = "push manifest " + quote(reference) + " to " + name_;
  if (response.status != 201 && response.status != 200) {
    return refusal(response, what);
  }
  MOSB_CHECK(check_digest_header(response, Digest::of(bytes)).context(what));
  return response;
}

Error RegistrySession::refusal(const HttpResponse& response, const std::string& what) const {
  const std::string said = first_error(response.body);
  const std::string server = response.url.same_origin(origin_)
                                 ? "the registry"
                                 : response.url.authority() + ", where it redirects to,";
  Error error(response.status == 404 ? Errc::kNotFound : Errc::kNetwork,
              what + ": " + server + " answers " + std::to_string(response.status) +
                  (said.empty() ? "" : " " + quote(said)));
  switch (response.status) {
    case 400:
      return policy_.plain_http
                 ? std::move(error).with_hint("if " + origin_.authority() +
                                              " speaks HTTPS, do not mark it `insecure`")
                 : error;
    case 401:
    case 403:
      return std::move(error).with_hint(
          "this login is not allowed to; log in as somebody who is, e.g. with `skopeo login " +
          origin_.authority() + "`");
    case 429:
      return std::move(error).with_hint("the registry limits how often it is asked: try later");
    default:
      return error;
  }
}

}  // namespace mosb::oci
