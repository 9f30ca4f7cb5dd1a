#pragma once

#include <cstddef>
#include <cstdint>

/// The init spec: a header, then group_count ids, then NUL-terminated strings: the working
/// directory, argv, the environment. Written and read on the same machine in one run.
namespace mosb::lxc {

constexpr std::uint32_t kInitSpecMagic = 0x4249534d;
/// What execve(2) could take at most (a quarter of an 8 MiB stack), and some.
constexpr std::size_t kMaxInitSpecSize = std::size_t{4} * 1024 * 1024;
/// NGROUPS_MAX is 65536; no image needs more than this.
constexpr std::uint32_t kMaxInitGroups = 1024;

struct InitSpecHeader {
  std::uint32_t magic;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t group_count;
  std::uint32_t argv_count;
  std::uint32_t env_count;
  std::uint32_t size;
};

}  // namespace mosb::lxc
