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
/// `host`: what the host itself asks (host_resolv_conf()). Servers on the host's loopback or behind
/// one of its devices (fe80::/10, with a zone or without) cannot be asked from a service and are
/// left out. Pure.
std::string resolv_conf_text(const manifest::TargetDns& dns, std::string_view host);

/// Where a host has its own, and where systemd-resolved names the servers behind the one that it
/// has at the loopback.
inline const std::vector<std::string> kHostResolvConf{"/etc/resolv.conf",
                                                      "/run/systemd/resolve/resolv.conf"};
/// The text of the first of the files that names a server which a service can ask; if none does,
/// of the first that is there, for its other lines. "" if there is none, or none that can be read.
/// A file may be a symlink, as /etc/resolv.conf mostly is.
std::string host_resolv_conf(const std::vector<std::string>& files = kHostResolvConf);

/// Writes them into `dir`, made if missing. A file that a service has bound is changed in place, so
/// that it sees the change; one that holds its text already is not touched.
Status write_name_files(const std::string& dir, const NameFiles& files);

}  // namespace mosb::agent
