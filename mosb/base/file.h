#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb {

/// The whole of a regular file. A symlink at the end of the path, a device, a FIFO or more than
/// `limit` bytes are refused (kContent); the file is opened without blocking.
Result<std::string> read_file(const std::string& path, ByteCount limit);
/// The same, but symlinks are followed: for files that an operator named.
Result<std::string> read_named_file(const std::string& path, ByteCount limit);
/// For /proc, /sys and cgroup files, whose size shows as 0.
Result<std::string> read_kernel_file(const std::string& path, ByteCount limit);

/// Replaces a file so that after a crash it holds the old bytes or the new: random name in the
/// same directory, fsync, rename, fsync of the directory.
Status write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode);
/// The same for what means nothing after a crash of the host, as all below /run: replaced at once
/// for whoever reads it, but not made durable.
Status replace_file(const std::string& path, std::string_view bytes, mode_t mode);
/// Removes what these two of a process that died left in the directory. The caller holds
/// whatever lock keeps others from writing there now. A missing directory is success.
Status remove_stale_temps(const std::string& dir);
/// Makes a rename or unlink in the directory durable.
Status fsync_dir(const std::string& dir);
/// Removes a tree without following symlinks or crossing into other mounts. Gone is success.
Status remove_tree(const std::string& path);
bool path_exists(const std::string& path);

}  // namespace mosb
