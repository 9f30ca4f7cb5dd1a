#include "mosb/net/names.h"

#include <algorithm>
#include <cctype>

#include "mosb/base/digest.h"
#include "mosb/base/text.h"

namespace mosb::net {

namespace {

constexpr std::size_t kInstanceDigits = 8;
constexpr std::size_t kMaxDeviceName = 15;  // IFNAMSIZ with its NUL is 16
constexpr std::string_view kTagStart = "mosb:";

bool is_instance(std::string_view text) {
  return text.size() == kInstanceDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// A name without anything that quotes, globs or separates for nft and for /proc/sys.
bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDeviceName && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' ||
                  c == '-';
         });
}

}  // namespace

Status check_instance(const std::string& instance) {
  if (!is_instance(instance)) {
    return Error(Errc::kInternal, quote(instance) + " is no instance");
  }
  return ok();
}

Status check_names(const NetworkSpec& spec) {
  MOSB_CHECK(check_instance(spec.instance));
  if (!is_device_name(spec.bridge.name)) {
    return Error(Errc::kInternal, quote(spec.bridge.name) + " is no name for a bridge");
  }
  return ok();
}

std::string pending_name(const std::string& instance, const std::string& tag) {
  return "mv" + instance + "-" + Digest::of(tag).hex().substr(0, 4);
}

bool is_pending_name(const std::string& instance, std::string_view name) {
  return name.size() == kMaxDeviceName && name.starts_with("mv" + instance + "-");
}

std::string instance_of(std::string_view tag) {
  if (!tag.starts_with(kTagStart)) {
    return "";
  }
  const std::string_view rest = tag.substr(kTagStart.size());
  const std::string_view instance = rest.substr(0, rest.find(':'));
  return is_instance(instance) ? std::string(instance) : "";
}

std::string service_of(const std::string& instance, std::string_view tag) {
  const std::string start = device_tag(instance, "");
  return tag.starts_with(start) ? std::string(tag.substr(start.size())) : "";
}

std::string device_setting(const char* family, std::string device, const char* key) {
  std::replace(device.begin(), device.end(), '.', '/');
  return std::string("net.") + family + ".conf." + device + "." + key;
}

std::string route_localnet_of(const std::string& bridge) {
  return device_setting("ipv4", bridge, "route_localnet");
}

const char* wanted_value(std::string_view setting) {
  // 2: routers are listened to although this host forwards.
  return setting.ends_with(kAcceptRaEnd) ? "2" : "1";
}

}  // namespace mosb::net
