#pragma once

#include <string>

#include "verity/verified_reader.h"

namespace mosb::verity {

/// Walks through a squashfs image (layer_walk.h), after a look at where its superblock says that
/// its tables are, and returns the scanner's answer. Reads inodes, directories and attributes only,
/// no file's data.
std::string scan_squashfs(const VerifiedReader& reader);

}  // namespace mosb::verity
