#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/manifest/target.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// What a service at the bridge reads to find others: the texts of /etc/hosts, /etc/resolv.conf and
/// /etc/hostname in it.
struct NameFiles {
  std::string hosts;
  std::string resolv_conf;
  std::string hostname;
  bool operator==(const NameFiles&) const = default;
};

/// Where the three lie in a service.
inline constexpr const char* kHostsFile = "/etc/hosts";
inline constexpr const char* kResolvConfFile = "/etc/resolv.conf";
inline constexpr const char* kHostnameFile = "/etc/hostname";

/// Itself by its host name, and every service by its name, less names of the loopback. Pure.
std::string hosts_text(const net::ServicePort& own,
                       const std::string& hostname,
                       const std::vector<net::ServicePort>& services);
/// `host`: what the host itself asks (host_resolv_conf()). Servers on the host's loopback cannot be
/// asked from a service and are left out. Pure.
std::string resolv_conf_text(const manifest::TargetDns& dns, std::string_view host);

/// The text of the host's resolv.conf; where that leads to a resolver on its own loopback, of the
/// file that names the servers behind it, as systemd-resolved keeps one. "" if there is none.
std::string host_resolv_conf();

/// Writes them into `dir`, made if missing. A file that a service has bound is changed in place, so
/// that it sees the change; one that holds its text already is not touched.
Status write_name_files(const std::string& dir, const NameFiles& files);

}  // namespace mosb::agent
