#pragma once

#include <string>
#include <string_view>

#include "mosb/base/result.h"
#include "mosb/net/network_spec.h"

namespace mosb::net {

/// Whether everything of the spec that is written into commands as it is can have no meaning of its
/// own there. It is checked where it comes from; what arrives here otherwise is a mistake of ours.
/// Errors: kInternal.
Status check_names(const NetworkSpec& spec);
/// 8 lower-case hexadecimal digits. Errors: kInternal.
Status check_instance(const std::string& instance);

/// The kernel takes no alias when it makes a device. So a device is made under this name, and then
/// gets its name and its alias in one message: whoever is killed between the two leaves something
/// that shows whose it is.
std::string pending_name(const std::string& instance, const std::string& tag);
bool is_pending_name(const std::string& instance, std::string_view name);
/// The instance in a tag of ours, or "".
std::string instance_of(std::string_view tag);
/// The service in a device's tag, or "" if it is no such tag of this instance.
std::string service_of(const std::string& instance, std::string_view tag);

/// "net.ipv4.conf.DEVICE.KEY"; a dot in the device's name becomes a slash, as sysctl(8) wants it.
std::string device_setting(const char* family, std::string device, const char* key);

inline constexpr char kForward4[] = "net.ipv4.ip_forward";
inline constexpr char kForward6[] = "net.ipv6.conf.all.forwarding";
inline constexpr std::string_view kAcceptRaEnd = ".accept_ra";
std::string route_localnet_of(const std::string& bridge);
/// The value that mosb gives a setting.
const char* wanted_value(std::string_view setting);

}  // namespace mosb::net
