#pragma once

#include <cstdint>
#include <string>

#include "mosb/base/result.h"

namespace mosb::agent {

/// The root directory's own attributes; sqfstar takes them from its command line, not from the tar.
struct RootDirectory {
  std::uint32_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// Copies a tar of a root file system, plain or compressed in any way that libarchive reads, to a
/// plain one for sqfstar and unpack_tar(): numeric ids only, clean relative paths, extended
/// attributes kept. Errors: kContent for a path that leaves the root, one that stands twice, what
/// is no tar or ends early.
Result<RootDirectory> normalise_rootfs_tar(const std::string& from, const std::string& to);

}  // namespace mosb::agent
