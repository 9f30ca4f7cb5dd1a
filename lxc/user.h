#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::lxc {

/// Ids as they are inside the image.
struct UserIds {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  /// Groups of /etc/group that list the user.
  std::vector<std::uint32_t> groups;
  /// From /etc/passwd, or "/".
  std::string home = "/";
  bool operator==(const UserIds&) const = default;
};

/// Finds `user[:group]`, each a name or a number, in the image's own /etc/passwd and /etc/group,
/// never outside `rootfs`. "" is user 0. A number needs no entry; without one its group is 0. With
/// a group given, the groups that list the user do not count. Every id must be below `id_count`.
/// Spec: OCI image-spec 1.1, config, "User".
/// Errors: kRuntime if a name is unknown, an id is out of range or a file is no database.
Result<UserIds> resolve_user(const std::string& rootfs,
                             const std::string& user_spec,
                             std::uint32_t id_count);

}  // namespace mosb::lxc
