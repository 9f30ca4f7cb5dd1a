#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"

/// mount_namespaces(7). What is mounted in one of them is not seen in another, so each keeps
/// records and places of its own: the first that mounts anything, usually the host's, in `run_dir`
/// itself, others in directories in it. A namespace has ended when no process is seen in it and no
/// server serves a layer for it any more.
namespace mosb::verity {

/// Where this process's namespace keeps what is its own: "" for `run_dir`, else the name of a
/// directory in it, which need not exist: "mnt-" and the number that the kernel gave the namespace.
/// Changes nothing. Errors: kHost without /proc.
Result<std::string> mount_namespace_name(const std::string& run_dir);

/// Every directory in which a namespace keeps what is its own, `run_dir` first.
Result<std::vector<std::string>> namespace_dirs(const std::string& run_dir);

/// Notes whose `run_dir` is, and removes the directories of namespaces that have ended, whose
/// mounts went with them; one in which something is mounted stays. To be called before anything is
/// mounted, by one process at a time.
Status settle_namespaces(const std::string& run_dir);

}  // namespace mosb::verity
