#include "mosb/agent/configuration.h"

#include <algorithm>
#include <array>

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
                          {"bridge", Field::Since::kNotBuilt},
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
constexpr Field kPolicy[] = {{"allow_host_ids"}};
constexpr std::array<std::string_view, 3> kVerifiers{"auto", "dm", "fuse"};
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
    const ObjectReader policy(*node, "policy", kPolicy, top.findings());
    configuration.allow_host_ids = policy.get("allow_host_ids", manifest::as_bool).value_or(false);
  }
  const auto verifier = top.get_word("verifier", kVerifiers, {});
  configuration.verifier = static_cast<VerifierChoice>(verifier.value_or(0));
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
  if (configuration.verifier == VerifierChoice::kDm) {
    return Error(Errc::kHost, file_name + ": the dm verifier is not supported by this mosb")
        .with_hint("verifier: fuse checks every block as well");
  }
  return configuration;
}

}  // namespace mosb::agent
