#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "mosb/oci/connected_registry.h"
#include "mosb/oci/mirrored_repository.h"
#include "tests/oci/registry_fixture.h"

namespace mosb::test {

inline oci::Place place(const std::string& host, oci::RegistryOptions options = {}) {
  options.insecure = true;
  options.retries = {.attempts = 1};
  options.timeouts.request = std::chrono::seconds(2);
  return {host + "/app/web",
          [host, options] { return oci::ConnectedRegistry::open(host, "app/web", options); }};
}

/// app/web with its mirrors, and what it tells of places that it leaves.
struct Mirrored {
  Mirrored(std::vector<oci::Place> mirrors, oci::Place registry)
      : repository(std::move(mirrors),
                   std::move(registry),
                   [this](const std::string& name, const Error& why) {
                     left.push_back(name + ": " + why.message());
                   }) {}
  std::vector<std::string> left = {};
  oci::MirroredRepository repository;
};

inline ScriptedRegistry serve(const std::vector<Json>& rules) {
  return must(ScriptedRegistry::start(rules));
}

inline Json blob_rule(const std::string& bytes) {
  return {{"path", blob_path(blob_of(bytes))}, {"body", bytes}};
}

/// A port that nobody listens on.
inline std::string nobody() {
  return "127.0.0.1:1";
}

inline const oci::Descriptor& subject() {
  static const oci::Descriptor value = oci::describe(oci::kImageManifest, kManifest);
  return value;
}

}  // namespace mosb::test
