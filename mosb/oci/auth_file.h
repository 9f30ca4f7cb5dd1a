#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/credential_helper.h"
#include "mosb/oci/credentials.h"

namespace mosb::oci {

/// The variables that say where the auth files are. Empty: not set.
struct AuthFileEnvironment {
  std::string registry_auth_file = {};
  std::string xdg_runtime_dir = {};
  std::string xdg_config_home = {};
  std::string docker_config = {};
  std::string home = {};
  /// Of this process.
  static AuthFileEnvironment current();
};

/// The files that hold logins, first one first: $REGISTRY_AUTH_FILE alone if it is set, else
/// containers/auth.json in the runtime directory and in the configuration directory, then Docker's
/// config.json. Spec: containers-auth.json(5).
std::vector<std::string> default_auth_files(const AuthFileEnvironment& environment);

/// The login for `host/repository` out of the first file that has one, or out of the credential
/// helper that the file names: `credHelpers` for this registry, else what `auths` has, else
/// `credsStore`. A file that does not exist is passed over. Within a file the longest matching name
/// wins: HOST/a/b, HOST/a, HOST. nullopt: not logged in. Errors: kContent for a file that is not
/// what it should be; kUsage from a helper.
Result<std::optional<Credentials>> find_credentials(const std::string& host,
                                                    const std::string& repository,
                                                    const std::vector<std::string>& files,
                                                    CredentialHelpers& helpers);

}  // namespace mosb::oci
