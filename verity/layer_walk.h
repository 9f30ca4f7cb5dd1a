#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "mosb/base/result.h"
#include "verity/fault_log.h"
#include "verity/filesystem_view.h"

namespace mosb::verity {

// What every layer must keep to, whatever policy says: far above what images have, and low enough
// that neither the scan nor the kernel can be made to work for long.
constexpr std::uint64_t kMaxInodes = std::uint64_t{4} << 20;
/// Names, of which an inode may have several.
constexpr std::uint64_t kMaxEntries = std::uint64_t{8} << 20;
/// Of all files together, holes too.
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 40;
constexpr std::size_t kMaxDepth = 512;
/// Of directories beside and above one another, until the scan has been in them.
constexpr std::size_t kMaxWaitingNames = std::size_t{64} << 20;

/// Walks through all inodes and names of a layer's file system, and returns the scanner's answer
/// (layer_scan.h). Refused are: broken structures, more than the limits above, names that are none,
/// or not in order, or twice; directories with two names, inodes with one number, entries that say
/// something else than their inode; attributes of overlayfs other than an opaque directory's; and a
/// block that is not what was signed. `faults` is the view's.
std::string walk_layer(FilesystemView& view, const FaultLog& faults);

/// What a refusal says: of a bad block its number, not what its absence broke.
std::string reason_for(const Error& error, const FaultLog& faults);

}  // namespace mosb::verity
