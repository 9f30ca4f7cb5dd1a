#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/credentials.h"
#include "mosb/oci/http_client.h"
#include "mosb/oci/www_authenticate.h"

namespace mosb::oci {

/// What a request is for; a token is asked for with exactly this.
enum class Access { kPull, kPush, kDelete };

struct AuthOptions {
  /// The registry's own origin; its target is not used.
  Url origin = {};
  std::string repository = {};
  std::optional<Credentials> credentials = {};
  /// HOST[:PORT] of token servers, other than the registry's own host, that may be asked.
  std::vector<std::string> trusted_realms = {};
  HttpPolicy policy = {};
};

/// Keeps the Authorization values for one repository of one registry.
/// Spec: distribution "Token Authentication"; RFC 7617 (basic), RFC 6750 (bearer).
class Auth {
 public:
  Auth(AuthOptions options, HttpClient& http);

  /// What to send at first: "" until a server has asked.
  std::string authorization(Access access) const;

  /// Answers a 401: asks the token server, or turns to basic. Afterwards authorization() has a new
  /// value. Errors: kNetwork if there is nothing (more) to offer or the challenge is unacceptable:
  /// a realm that is not HTTPS (unless the registry itself is plain HTTP), or on another host that
  /// is not in trusted_realms. Nothing is sent there then.
  Status answer(const HttpResponse& unauthorized, Access access);

 private:
  Status use_basic();
  Result<Url> accept_realm(const Challenge& challenge) const;
  Result<std::string> fetch_token(const Challenge& challenge, Access access);

  AuthOptions options_;
  HttpClient& http_;
  std::string basic_;
  std::map<Access, std::string> bearer_;
};

}  // namespace mosb::oci
