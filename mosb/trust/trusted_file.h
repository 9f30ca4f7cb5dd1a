#pragma once

#include <string>
#include <vector>

#include <sys/stat.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::trust {

/// Files and directories that decide whom to trust. They must belong to root or to the user that
/// asks, and nobody else may be able to write to them. Symlinks, other links to the same file and
/// everything that is not a regular file or directory are refused.
/// Errors: kPolicy; kNotFound where there is nothing.

Result<std::string> read_trusted_file(const std::string& path, ByteCount limit);
/// The names in a directory, sorted, without "." and "..", at most `most` of them.
Result<std::vector<std::string>> list_trusted_directory(const std::string& path, std::size_t most);
/// The directory alone; a symlink to it is followed.
Status check_trusted_directory(const std::string& path);

/// A private key's bytes: a file that nobody but its owner may read or write, as ssh wants it. A
/// symlink is followed, for the operator named it. Errors: kNotFound, kPolicy, kContent.
Result<std::string> read_key_file(const std::string& path);

}  // namespace mosb::trust
