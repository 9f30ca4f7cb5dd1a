#include "mosb/oci/platform.h"

#include <string_view>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxLength = 64;

Status check_name(std::string_view text, const char* what) {
  const bool plain =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
      std::string_view::npos;
  if (text.size() > kMaxLength || !plain) {
    return Error(Errc::kContent, std::string("malformed ") + what + " " + quote(text));
  }
  return ok();
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
  MOSB_CHECK(check_name(platform.os, "os"));
  MOSB_CHECK(check_name(platform.architecture, "architecture"));
  MOSB_CHECK(check_name(platform.variant, "variant"));
  if (platform.os.empty() || platform.architecture.empty()) {
    return Error(Errc::kContent, "os and architecture must not be empty");
  }
  return platform;
}

Json to_json(const Platform& platform) {
  Json object = {{"os", platform.os}, {"architecture", platform.architecture}};
  if (!platform.variant.empty()) {
    object["variant"] = platform.variant;
  }
  return object;
}

}  // namespace mosb::oci
