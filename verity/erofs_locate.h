#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "verity/verified_reader.h"

namespace mosb::verity {

/// Finds out what these data blocks of an erofs image are used for, and returns the scanner's
/// answer (block_owner.h). Inodes stand between the ends of files and directories: a block that has
/// any is said to be theirs. Of an image that is damaged it looks at what can be read.
std::string locate_in_erofs(const VerifiedReader& reader, std::span<const std::uint64_t> blocks);

}  // namespace mosb::verity
