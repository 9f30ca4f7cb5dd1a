#pragma once

#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb {

/// What an unprivileged writer may still put on the file system that holds `path`.
Result<ByteCount> free_space(const std::string& path);

/// Reserves room for a file's first `size` bytes without making it longer. A file system that can't
/// do that is success. Errors: kResource.
Status reserve_space(int fd, ByteCount size, const std::string& what);

}  // namespace mosb
