#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/oci/credentials.h"

namespace mosb::oci {

/// Programs `docker-credential-NAME` that keep logins. They run as who runs mosb, without a shell,
/// with a few variables of its environment, for at most ten seconds. What they print is a secret
/// and never part of an error.
class CredentialHelpers {
 public:
  struct Environment {
    /// Where they are looked for: the absolute directories of a PATH.
    std::string path = {};
    /// "K=V": all that they get besides PATH.
    std::vector<std::string> variables = {};
    /// Of this process.
    static Environment current();
  };

  /// `processes` must outlive the value.
  CredentialHelpers(ProcessRunner& processes, Environment environment)
      : processes_(processes), environment_(std::move(environment)) {}

  /// The login that `docker-credential-<name>` has for a server; nullopt if it has none.
  /// Spec: the protocol of docker-credential-helpers, command `get`. Errors: kUsage if there is no
  /// such program, or if it fails, takes too long or answers with something else.
  Result<std::optional<Credentials>> get(const std::string& name, const std::string& server);

 private:
  ProcessRunner& processes_;
  Environment environment_;
};

}  // namespace mosb::oci
