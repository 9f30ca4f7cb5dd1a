#pragma once

#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "mosb/oci/curl_http_client.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/registry.h"
#include "tests/support/test_registry.h"

namespace mosb::test {

/// The value, or the test fails with the error's text.
template <class T>
T must(Result<T> result) {
  if (!result) {
    FAIL(result.error().message() << " (hint: " << result.error().hint() << ")");
  }
  return *std::move(result);
}

/// The error, or the test fails because there is none.
template <class T>
Error refused(Result<T> result) {
  if (result) {
    FAIL("this should have been refused");
  }
  return std::move(result).error();
}

/// A registry to be talked to with a client of its own.
struct RegistryClient {
  std::unique_ptr<oci::HttpClient> http;
  oci::Registry registry;
  oci::Registry* operator->() { return &registry; }
};

/// Each request is made once, so that a test sees what one answer does.
inline RegistryClient connect(const std::string& host, oci::RegistryOptions options) {
  options.retries.attempts = 1;
  auto http = must(oci::make_curl_http_client());
  auto registry = must(oci::Registry::open(host, "app/web", std::move(options), *http));
  return {std::move(http), std::move(registry)};
}

/// Over plain HTTP and without credentials.
inline RegistryClient connect(const std::string& host) {
  return connect(host, {.insecure = true});
}

/// The rules as they are, each used once: a server that answers the first request by the first
/// rule, the second by the second, and so on.
inline Json in_turn(std::vector<Json> rules) {
  for (Json& rule : rules) {
    rule["times"] = 1;
  }
  return rules;
}

inline oci::Reference tagged(const std::string& tag) {
  return {.host = "registry.test", .repository = "app/web", .tag = tag};
}

inline constexpr char kApp[] = "/v2/app/web/";

/// A rule that serves `bytes` as a manifest under the path's last part.
inline Json manifest_rule(const std::string& reference,
                          const std::string& bytes,
                          const std::string& media_type = oci::kImageManifest) {
  return {{"path", kApp + ("manifests/" + reference)},
          {"headers", {{"Content-Type", media_type}}},
          {"body", bytes}};
}

/// A manifest is not judged by the registry's code beyond its bytes.
inline constexpr char kManifest[] =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]})";

inline oci::Descriptor blob_of(const std::string& bytes) {
  return oci::describe("application/octet-stream", bytes);
}

inline std::string blob_path(const oci::Descriptor& descriptor) {
  return kApp + ("blobs/" + descriptor.digest.str());
}

}  // namespace mosb::test
