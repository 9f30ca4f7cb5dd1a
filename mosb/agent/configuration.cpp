#include "mosb/agent/configuration.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "mosb/base/text.h"
#include "mosb/manifest/document.h"
#include "mosb/manifest/object_reader.h"
#include "mosb/manifest/scalar.h"

namespace mosb::agent {

namespace {

using manifest::Field;
using manifest::ObjectReader;

constexpr Field kTop[] = {{"registries"},
                          {"trust"},
                          {"verifier"},
                          {"policy"},
                          {"bridge"},
                          {"proxy", Field::Since::kNotBuilt},
                          {"paths", Field::Since::kNotBuilt}};
constexpr Field kRegistry[] = {{"host"},
                               {"insecure"},
                               {"ca"},
                               {"username"},
                               {"password_file"},
                               {"trusted_realms"},
                               {"mirrors"}};
constexpr Field kTrust[] = {{"notation_config"}, {"local_scope"}, {"recheck"}};
constexpr Field kBridge[] = {{"name"}, {"subnet"}, {"subnet6"}, {"adjust_firewall"}};
constexpr Field kPolicy[] = {{"allow_host_ids"},
                             {"device_nodes"},
                             {"set_id_files"},
                             {"file_capabilities"},
                             {"root_hash_signature"}};
/// In the order of verity::Verifier.
constexpr std::array<std::string_view, 3> kVerifiers{"auto", "fuse", "dm"};
/// In the order of LayerPolicy::Rule.
constexpr std::array<std::string_view, 2> kLayerRules{"report", "refuse"};
/// In the order of verity::RootHashSignatures.
constexpr std::array<std::string_view, 3> kSignatureRules{"if-demanded", "if-present", "required"};
/// In the order of Recheck.
constexpr std::array<std::string_view, 3> kRechecks{"never", "start", "daily"};

std::vector<std::string> read_lines(const ObjectReader& reader, std::string_view name) {
  std::vector<std::string> lines;
  for (const auto& [path, item] : reader.get_list(name)) {
    const auto text = manifest::as_line(*item);
    if (text) {
      lines.push_back(*text);
    } else {
      reader.findings().add(item->mark, path, text.error().message());
    }
  }
  return lines;
}

std::vector<oci::MirrorName> read_mirrors(const ObjectReader& reader, const std::string& host) {
  std::vector<oci::MirrorName> mirrors;
  for (const std::string& line : read_lines(reader, "mirrors")) {
    const auto mirror = oci::MirrorName::parse(line);
    if (!mirror) {
      reader.problem("mirrors", reader.mark(), mirror.error().message());
    } else if (*mirror == oci::MirrorName{host, ""}) {
      reader.problem("mirrors", reader.mark(), "the registry is no mirror of itself");
    } else if (std::find(mirrors.begin(), mirrors.end(), *mirror) != mirrors.end()) {
      reader.problem("mirrors", reader.mark(), quote(line) + " stands twice");
    } else {
      mirrors.push_back(*mirror);
    }
  }
  if (mirrors.size() > kMaxMirrors) {
    reader.problem("mirrors", reader.mark(), "more than " + std::to_string(kMaxMirrors));
  }
  return mirrors;
}

void read_registries(const ObjectReader& top, Configuration& configuration) {
  for (const auto& [path, item] : top.get_list("registries")) {
    const ObjectReader reader(*item, path, kRegistry, top.findings());
    const auto host = reader.require("host", manifest::as_line);
    RegistryConfiguration registry;
    registry.insecure = reader.get("insecure", manifest::as_bool).value_or(false);
    registry.ca_file = reader.get("ca", manifest::as_line).value_or("");
    registry.username = reader.get("username", manifest::as_line);
    registry.password_file = reader.get("password_file", manifest::as_line);
    registry.trusted_realms = read_lines(reader, "trusted_realms");
    registry.mirrors = read_mirrors(reader, host.value_or(""));
    if (registry.username.has_value() != registry.password_file.has_value()) {
      reader.problem("username", reader.mark(), "needs password_file beside it, and the reverse");
    }
    if (host && !configuration.registries.emplace(*host, registry).second) {
      reader.problem("host", reader.mark(), "stands twice");
    }
  }
}

/// A name that the kernel takes for a device, and that needs no quoting anywhere.
Status check_device_name(std::string_view name) {
  constexpr std::size_t kMost = 15;
  const bool good = !name.empty() && name.size() <= kMost &&
                    std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_';
                    });
  if (!good) {
    return Error(Errc::kManifest,
                 quote(name) +
                     " is no name for a bridge: a letter, then up to 14 letters, digits, "
                     "'-' and '_'");
  }
  return ok();
}

/// A network with room for services: its first address, and at most this long a prefix.
std::optional<IpPrefix> read_subnet(const ObjectReader& bridge,
                                    std::string_view name,
                                    bool v4,
                                    unsigned shortest,
                                    unsigned longest) {
  const auto text = bridge.get(name, manifest::as_line);
  if (!text) {
    return std::nullopt;
  }
  const auto complain = [&](const std::string& message) {
    bridge.problem(name, bridge.find(name)->mark, message);
    return std::nullopt;
  };
  const auto subnet = IpPrefix::parse(*text);
  if (!subnet) {
    return complain(subnet.error().message());
  }
  if (subnet->address.is_v4() != v4) {
    return complain(quote(*text) + " is not of this family");
  }
  if (subnet->length < shortest || subnet->length > longest) {
    return complain("wants a length from " + std::to_string(shortest) + " to " +
                    std::to_string(longest));
  }
  if (subnet->first() != subnet->address) {
    return complain(quote(*text) + " is no network but an address in " + subnet->first().str() +
                    "/" + std::to_string(subnet->length));
  }
  return *subnet;
}

void read_bridge(const ObjectReader& top, BridgeConfiguration& out) {
  const manifest::Node* const node = top.find("bridge");
  if (node == nullptr) {
    return;
  }
  constexpr unsigned kShortest = 8;
  constexpr unsigned kLongest = 29;
  constexpr unsigned kShortest6 = 16;
  constexpr unsigned kLongest6 = 112;
  const ObjectReader bridge(*node, "bridge", kBridge, top.findings());
  out.name = bridge.get_checked("name", check_device_name).value_or(out.name);
  out.subnet = read_subnet(bridge, "subnet", true, kShortest, kLongest);
  out.subnet6 = read_subnet(bridge, "subnet6", false, kShortest6, kLongest6);
  out.adjust_firewall = bridge.get("adjust_firewall", manifest::as_bool).value_or(false);
}

void read_policy(const ObjectReader& policy, Configuration& configuration) {
  const auto rule = [&](std::string_view name) {
    return static_cast<LayerPolicy::Rule>(policy.get_word(name, kLayerRules, {}).value_or(0));
  };
  configuration.allow_host_ids = policy.get("allow_host_ids", manifest::as_bool).value_or(false);
  configuration.layers.device_nodes = rule("device_nodes");
  configuration.layers.set_id_files = rule("set_id_files");
  configuration.layers.file_capabilities = rule("file_capabilities");
  configuration.layers.root_hash_signatures = static_cast<verity::RootHashSignatures>(
      policy.get_word("root_hash_signature", kSignatureRules, {}).value_or(0));
}

void read_all(const ObjectReader& top, Configuration& configuration) {
  read_registries(top, configuration);
  if (const manifest::Node* node = top.find("trust")) {
    const ObjectReader trust(*node, "trust", kTrust, top.findings());
    configuration.notation_config = trust.get("notation_config", manifest::as_line);
    configuration.local_scope =
        trust.get("local_scope", manifest::as_line).value_or(configuration.local_scope);
    configuration.recheck =
        static_cast<Recheck>(trust.get_word("recheck", kRechecks, {}).value_or(0));
  }
  if (const manifest::Node* node = top.find("policy")) {
    read_policy(ObjectReader(*node, "policy", kPolicy, top.findings()), configuration);
  }
  read_bridge(top, configuration.bridge);
  const auto verifier = top.get_word("verifier", kVerifiers, {});
  configuration.verifier = static_cast<verity::Verifier>(verifier.value_or(0));
}

}  // namespace

Result<Configuration> Configuration::parse(const std::string& text, const std::string& file_name) {
  manifest::Document document = manifest::read_document(text);
  Configuration configuration;
  manifest::Findings findings{2, std::move(document.problems)};
  if (findings.problems.empty()) {
    read_all(ObjectReader(document.root, "", kTop, findings), configuration);
  }
  if (!findings.problems.empty()) {
    return Error(Errc::kManifest, file_name + ":" + to_string(findings.problems.front()));
  }
  return configuration;
}

}  // namespace mosb::agent
