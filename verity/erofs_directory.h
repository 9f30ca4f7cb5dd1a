#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include <sys/types.h>

#include "mosb/base/result.h"

namespace mosb::verity {

/// An entry of a directory of an erofs image.
struct ErofsEntry {
  /// In the block; any bytes but NUL, "." and ".." too.
  std::string_view name;
  /// The place of its inode, in units of 32 bytes.
  std::uint64_t inode = 0;
  /// S_IFREG, …
  mode_t type = 0;
};

/// Visits the entries of a block of a directory, at most 4096 bytes, until the visitor returns
/// false. Errors: kVerity for names that don't lie behind one another in the block, and a kind that
/// is none; the visitor's.
/// Spec: Linux fs/erofs/erofs_fs.h, struct erofs_dirent.
Status for_each_erofs_entry(std::span<const std::byte> block,
                            const std::function<Result<bool>(const ErofsEntry&)>& visit);

}  // namespace mosb::verity
