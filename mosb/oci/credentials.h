#pragma once

#include <string>

namespace mosb::oci {

/// Who we are to a registry. Secret: never printed, sent to the registry's origin or to its token
/// server only.
struct Credentials {
  std::string username = {};
  std::string password = {};
  /// A refresh token (`identitytoken` of the auth files); if set, name and password are not used.
  std::string identity_token = {};
};

}  // namespace mosb::oci
