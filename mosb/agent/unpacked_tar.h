#pragma once

#include <string>

#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Unpacks a plain tar into `dir`, an empty directory that nobody else can enter, with owners,
/// modes, devices and extended attributes as the tar has them; times are not set. Needs root. No
/// entry gets out of the directory, by ".." or by a link that came before it. Directories that the
/// tar does not list belong to root and have mode 0755. Errors: kContent for a file that stands
/// twice, leaves the directory or lies beneath what is none, and for a link to what is not there;
/// kResource; kHost where the file system takes no extended attributes.
Status unpack_tar(const std::string& tar, const RootDirectory& root, const std::string& dir);

}  // namespace mosb::agent
