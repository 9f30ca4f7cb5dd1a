#include "mosb/oci/platform.h"

#include <string_view>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxLength = 64;
constexpr std::size_t kMaxFeatures = 64;

Status check_name(std::string_view text, const char* what) {
  const bool plain =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
      std::string_view::npos;
  if (text.size() > kMaxLength || !plain) {
    return Error(Errc::kContent, std::string("malformed ") + what + " " + quote(text));
  }
  return ok();
}

Status check_names(const Platform& platform) {
  MOSB_CHECK(check_name(platform.os, "os"));
  MOSB_CHECK(check_name(platform.architecture, "architecture"));
  MOSB_CHECK(check_name(platform.variant, "variant"));
  if (platform.os.empty() || platform.architecture.empty()) {
    return Error(Errc::kContent, "os and architecture must not be empty");
  }
  return ok();
}

Result<std::vector<std::string>> parse_features(const Json& object, const std::string& name) {
  std::vector<std::string> features = MOSB_TRY(json::optional_string_list(object, name));
  if (features.size() > kMaxFeatures) {
    return Error(Errc::kContent,
                 quote(name) + " has more than " + std::to_string(kMaxFeatures) + " entries");
  }
  for (const std::string& feature : features) {
    MOSB_CHECK(check_name(feature, "feature"));
  }
  return features;
}

/// Go, and so every registry's tools, take arm64 without a variant for v8.
std::string_view normal_variant(const Platform& platform) {
  if (platform.architecture == "arm64" && platform.variant == "v8") {
    return "";
  }
  return platform.variant;
}

const char* host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__arm__)
  return "arm";
#elif defined(__i386__)
  return "386";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return "ppc64le";
#elif defined(__s390x__)
  return "s390x";
#else
#error "name this architecture as Go's GOARCH does"
#endif
}

}  // namespace

Platform Platform::host() {
  return {.os = "linux", .architecture = host_architecture(), .variant = ""};
}

Result<Platform> Platform::parse(std::string_view text) {
  const std::vector<std::string> parts = split(text, '/');
  constexpr std::size_t kMostParts = 3;
  if (parts.size() < 2 || parts.size() > kMostParts || parts.back().empty()) {
    return Error(Errc::kUsage, quote(text) + " is no platform")
        .with_hint("write it as linux/arm64 or linux/arm/v7");
  }
  Platform platform{.os = parts[0],
                    .architecture = parts[1],
                    .variant = parts.size() == kMostParts ? parts[2] : ""};
  MOSB_CHECK(check_names(platform).as(Errc::kUsage));
  return platform;
}

std::string Platform::str() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

bool matches(const Platform& offered, const Platform& wanted) {
  if (offered.os != wanted.os || offered.architecture != wanted.architecture) {
    return false;
  }
  const std::string_view one = normal_variant(offered);
  const std::string_view two = normal_variant(wanted);
  return one.empty() || two.empty() || one == two;
}

Result<Platform> parse_platform(const Json& object) {
  Platform platform;
  platform.os = MOSB_TRY(json::require_string(object, "os"));
  platform.architecture = MOSB_TRY(json::require_string(object, "architecture"));
  platform.variant = MOSB_TRY(json::optional_string(object, "variant")).value_or("");
  MOSB_CHECK(check_names(platform));
  platform.os_version = MOSB_TRY(json::optional_string(object, "os.version")).value_or("");
  MOSB_CHECK(check_name(platform.os_version, "os.version"));
  platform.os_features = MOSB_TRY(parse_features(object, "os.features"));
  platform.features = MOSB_TRY(parse_features(object, "features"));
  return platform;
}

Json to_json(const Platform& platform) {
  Json object = {{"os", platform.os}, {"architecture", platform.architecture}};
  if (!platform.variant.empty()) {
    object["variant"] = platform.variant;
  }
  if (!platform.os_version.empty()) {
    object["os.version"] = platform.os_version;
  }
  if (!platform.os_features.empty()) {
    object["os.features"] = platform.os_features;
  }
  if (!platform.features.empty()) {
    object["features"] = platform.features;
  }
  return object;
}

}  // namespace mosb::oci
