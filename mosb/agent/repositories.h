#pragma once

#include <memory>

#include "mosb/agent/configuration.h"
#include "mosb/agent/paths.h"
#include "mosb/base/result.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

struct OpenOptions {
  /// Plain HTTP for this registry, beside what the configuration says.
  bool insecure = false;
  /// The notation configuration directory in force, whose `insecureRegistries` are spoken to in
  /// plain HTTP as well; "" for none.
  std::string notation_config = {};
  /// Operator commands honour the proxy variables and SSL_CERT_FILE, the agent does not.
  bool use_environment = true;
  /// A layout that does not exist yet is made: for pushing.
  bool create = false;
  /// Whether a registry's mirrors may answer for it. Not where something is changed: a mirror must
  /// not decide what an operator signs.
  bool mirrors = true;
  /// Where an archive is unpacked, see store_scratch(); "" for a private place in $TMPDIR or /tmp.
  std::string scratch = {};
};

/// The place that a reference names: a registry's repository with what the configuration says of
/// its host, a layout or an archive. `sha256:…` names no place (the store has it): kUsage.
Result<std::unique_ptr<oci::Repository>> open_repository(const oci::Reference& ref,
                                                         const Configuration& configuration,
                                                         const OpenOptions& options);

/// The place in the store for temporary files, cleaned whenever the store is opened; "" if there is
/// no store.
std::string store_scratch(const Paths& paths);

/// The trust scope of a reference: HOST/REPOSITORY as written for a registry, `local_scope` for a
/// layout or archive, never anything that the image says of itself.
std::string trust_scope(const oci::Reference& ref, const std::string& local_scope);

}  // namespace mosb::agent
