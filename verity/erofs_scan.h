#pragma once

#include <string>

#include "verity/verified_reader.h"

namespace mosb::verity {

/// Walks through an erofs image (layer_walk.h), and returns the scanner's answer. Reads inodes,
/// directories, attributes and where data lies, but no file's data.
std::string scan_erofs(const VerifiedReader& reader);

}  // namespace mosb::verity
