#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/result.h"
#include "mosb/base/temp_dir.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/repository.h"

namespace mosb::oci::test {

/// The value, or a failed test that says why.
template <class T>
T must(Result<T> result) {
  if (!result) {
    FAIL(result.error().message());
  }
  return *std::move(result);
}

/// The error's class; "ok" cannot be asked for.
template <class T>
Errc error_code(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code();
}

/// "" if it went well.
template <class T>
std::string error_text(const Result<T>& result) {
  return result ? "" : result.error().message();
}

inline TempDir temp_dir() {
  return must(TempDir::make("/tmp", "mosb-oci-test-"));
}

struct TestImage {
  Descriptor descriptor;
  Manifest manifest;
  ImageConfig config;
  std::string bytes;
};

/// An image of these layers' contents, for this host unless another platform is given.
TestImage make_image(const std::vector<std::string>& layers,
                     const Platform& platform = Platform::host());
/// Blobs, then the manifest under the tag.
void push_image(Repository& to,
                const TestImage& image,
                const std::vector<std::string>& layers,
                const std::optional<std::string>& tag);
/// A manifest as notation 1.3.2 attaches it, with `envelope` as its envelope; already pushed.
Descriptor push_signature(Repository& to, const Descriptor& subject, const std::string& envelope);
/// The file's text.
std::string slurp(const std::string& path);
void spit(const std::string& path, const std::string& text);

}  // namespace mosb::oci::test
