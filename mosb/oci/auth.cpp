#include "mosb/oci/auth.h"

#include <algorithm>
#include <utility>

#include "mosb/base/base64.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxTokenSize = 16 * kKiB;

const char* actions(Access access) {
  switch (access) {
    case Access::kPull:
      return "pull";
    case Access::kPush:
      return "pull,push";
    case Access::kDelete:
      return "delete";
  }
  return "";
}

std::string basic_value(const Credentials& credentials) {
  const std::string pair = credentials.username + ":" + credentials.password;
  return "Basic " + base64_encode(std::as_bytes(std::span(pair)));
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenSize &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  const auto it = challenge.parameters.find(name);
  return it == challenge.parameters.end() ? "" : it->second;
}

/// The `token` or `access_token` of a token server's answer.
Result<std::string> parse_token(const std::string& body) {
  const Json document = MOSB_TRY(json::parse(body, kMaxErrorBody));
  std::optional<std::string> token = MOSB_TRY(json::optional_string(document, "token"));
  if (!token) {
    token = MOSB_TRY(json::optional_string(document, "access_token"));
  }
  if (!token || !is_token(*token)) {
    return Error(Errc::kContent, "no usable token in it");
  }
  return *std::move(token);
}

}  // namespace

Auth::Auth(AuthOptions options, HttpClient& http) : options_(std::move(options)), http_(http) {}

std::string Auth::authorization(Access access) const {
  const auto it = bearer_.find(access);
  return it == bearer_.end() ? basic_ : it->second;
}

Status Auth::answer(const HttpResponse& unauthorized, Access access) {
  if (!unauthorized.url.same_origin(options_.origin)) {
    return Error(Errc::kNetwork,
                 unauthorized.url.authority() + ", where " + options_.origin.authority() +
                     " redirects to, asks for authentication");
  }
  std::vector<Challenge> challenges;
  for (const std::string& field : unauthorized.headers.find_all("WWW-Authenticate")) {
    for (Challenge& challenge : MOSB_TRY(parse_www_authenticate(field))) {
      challenges.push_back(std::move(challenge));
    }
  }
  const auto of_scheme = [&challenges](const char* scheme) {
    return std::find_if(challenges.begin(), challenges.end(), [scheme](const Challenge& c) {
      return c.scheme == scheme;
    });
  };
  if (const auto bearer = of_scheme("bearer"); bearer != challenges.end()) {
    bearer_[access] = "Bearer " + MOSB_TRY(fetch_token(*bearer, access));
    return ok();
  }
  if (of_scheme("basic") != challenges.end()) {
    return use_basic();
  }
  return Error(Errc::kNetwork,
               options_.origin.authority() + " asks for authentication in no way that mosb knows");
}

Status Auth::use_basic() {
  const std::string& host = options_.origin.authority();
  if (!basic_.empty()) {
    return Error(Errc::kNetwork, host + " does not accept the user name and password")
        .with_hint("log in again, e.g. with `skopeo login " + host + "`");
  }
  if (!options_.credentials || options_.credentials->username.empty()) {
    return Error(Errc::kNetwork, host + " asks for a user name and password")
        .with_hint("log in, e.g. with `skopeo login " + host +
                   "`, or set the registry's credentials in the configuration");
  }
  basic_ = basic_value(*options_.credentials);
  return ok();
}

Result<Url> Auth::accept_realm(const Challenge& challenge) const {
  const Url& origin = options_.origin;
  const Url realm = MOSB_TRY(Url::parse(parameter(challenge, "realm"))
                                 .context("token server that " + origin.authority() + " names"));
  if (realm.scheme != "https" && !options_.policy.plain_http) {
    return Error(Errc::kNetwork,
                 "the token server " + quote(realm.str()) + " that " + origin.authority() +
                     " names is not reached by HTTPS");
  }
  const auto& trusted = options_.trusted_realms;
  if (realm.host != origin.host &&
      std::find(trusted.begin(), trusted.end(), realm.authority()) == trusted.end()) {
    return Error(Errc::kNetwork,
                 origin.authority() + " names a token server on another host, " +
                     quote(realm.authority()))
        .with_hint("if " + realm.authority() +
                   " belongs to it, add that name to the registry's "
                   "`trusted_realms`");
  }
  return realm;
}

Result<std::string> Auth::fetch_token(const Challenge& challenge, Access access) {
  Url realm = MOSB_TRY(accept_realm(challenge));
  const std::string query =
      "service=" + percent_encode(parameter(challenge, "service")) +
      "&scope=" + percent_encode("repository:" + options_.repository + ":" + actions(access));
  HttpRequest request;
  request.max_body = kMaxErrorBody;
  request.max_redirects = 0;  // credentials and token are for this server alone
  std::string form;
  const bool refresh = options_.credentials && !options_.credentials->identity_token.empty();
  if (refresh) {
    form = "grant_type=refresh_token&client_id=mosb&" + query +
           "&refresh_token=" + percent_encode(options_.credentials->identity_token);
    request.method = HttpMethod::kPost;
    request.upload = upload_of(form);
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  } else {
    realm.target += (realm.target.find('?') == std::string::npos ? "?" : "&") + query;
    if (options_.credentials) {
      request.authorization = basic_value(*options_.credentials);
    }
  }
  request.url = realm;
  HttpPolicy policy = options_.policy;
  policy.plain_http = realm.scheme == "http";
  const HttpResponse response = MOSB_TRY(http_.send(request, policy).context("get a token"));
  const std::string& server = realm.authority();
  if (response.status != 200) {
    Error error(Errc::kNetwork,
                "token server " + server + " answers " + std::to_string(response.status));
    return options_.credentials ? std::move(error)
                                : std::move(error).with_hint("log in, e.g. with `skopeo login " +
                                                             options_.origin.authority() + "`");
  }
  return parse_token(response.body).context("answer of the token server " + server);
}

}  // namespace mosb::oci
