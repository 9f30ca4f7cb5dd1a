#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "verity/verified_reader.h"

namespace mosb::verity {

/// Finds out what these data blocks of a squashfs image are used for, and returns the scanner's
/// answer (block_owner.h). Of an image that is damaged it looks at what can be read: a file whose
/// directory or inode can't be is not found.
std::string locate_in_squashfs(const VerifiedReader& reader, std::span<const std::uint64_t> blocks);

}  // namespace mosb::verity
