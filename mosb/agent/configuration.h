#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/layer_policy.h"
#include "mosb/agent/recheck.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/oci/mirror_name.h"
#include "verity/layer.h"

namespace mosb::agent {

struct RegistryConfiguration {
  /// Plain HTTP is allowed.
  bool insecure = false;
  /// A file with the certificates that sign the registry's; "" for the system's.
  std::string ca_file;
  std::optional<std::string> username;
  /// The file whose first line is the password: secrets don't stand in mosb.yaml itself.
  std::optional<std::string> password_file;
  /// Token endpoints on other hosts that may be sent the credentials ("auth.example.org").
  std::vector<std::string> trusted_realms;
  /// Asked before the registry itself, in this order, each as its own host is configured.
  std::vector<oci::MirrorName> mirrors;
};

/// More of them only add waiting.
inline constexpr std::size_t kMaxMirrors = 8;

/// Where services with a network of their own are attached.
struct BridgeConfiguration {
  std::string name = "lxcbr0";
  /// nullopt: that of a bridge that is there already, else 10.0.3.0/24.
  std::optional<IpPrefix> subnet = std::nullopt;
  /// nullopt: that of a bridge that is there already, else no IPv6.
  std::optional<IpPrefix> subnet6 = std::nullopt;
  /// Whether mosb may let its traffic pass a foreign firewall that would drop it.
  bool adjust_firewall = false;
};

/// mosb.yaml (docs/configuration.md).
struct Configuration {
  /// By HOST[:PORT].
  std::map<std::string, RegistryConfiguration> registries;
  std::optional<std::string> notation_config;
  std::string local_scope = "local/mosb";
  Recheck recheck = Recheck::kNever;
  verity::Verifier verifier = verity::Verifier::kAuto;
  BridgeConfiguration bridge;
  /// Whether containers may run with the host's uids.
  bool allow_host_ids = false;
  LayerPolicy layers;

  /// Strict as the machine manifest: unknown keys are errors. Errors: kManifest with line and
  /// column.
  static Result<Configuration> parse(const std::string& text, const std::string& file_name);
};

}  // namespace mosb::agent
