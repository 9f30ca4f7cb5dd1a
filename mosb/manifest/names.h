#pragma once

#include <string>
#include <string_view>

#include "mosb/base/result.h"

/// The rules for names that become paths, cgroups or lines of a kernel table. Errors: kManifest.
namespace mosb::manifest {

/// ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$
Status check_service_name(std::string_view name);
/// Of a group of services: ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$
Status check_group_name(std::string_view name);
/// As a group's name, and none of the partitions of a machine's disk.
Status check_label(std::string_view label);
/// ^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$
Status check_hostname(std::string_view name);
/// An absolute path in its shortest form, without control characters.
Status check_path(std::string_view path);
/// check_path() without white space or backslash, which kernel tables escape, and nowhere in what
/// the container's own setup makes: /, /dev, /proc, /sys.
Status check_mount_dest(std::string_view path);
/// NAME|UID[:GROUP|GID]; whether they exist is for the image to say.
Status check_user(std::string_view user);
/// Of an environment variable: anything but '=' and control characters.
Status check_variable_name(std::string_view name);
/// Of a port: as a service name.
Status check_port_name(std::string_view name);
/// Names of one line of resolv.conf: letters, digits, '-', '.', '_' (a domain), and ':' (an
/// option), at most 253 bytes.
Status check_search_domain(std::string_view name);
Status check_resolver_option(std::string_view option);
/// Whether one of two paths lies in the other or both are the same.
bool paths_overlap(std::string_view a, std::string_view b);

}  // namespace mosb::manifest
