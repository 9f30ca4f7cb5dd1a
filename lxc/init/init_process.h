#pragma once

#include <cstdint>

#include <sys/types.h>

#include "lxc/init_protocol.h"

namespace mosb::lxc {

/// A mapped init spec, as execve(2) wants it. The memory stays until unload_spec().
struct InitProcess {
  const void* map = nullptr;
  std::uint32_t map_size = 0;
  const std::uint32_t* groups = nullptr;
  std::uint32_t group_count = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  const char* cwd = nullptr;
  /// nullptr-terminated, in memory of their own.
  char** argv = nullptr;
  char** env = nullptr;
  std::uint32_t pointer_bytes = 0;
};

/// Maps the sealed spec. False if it is not one.
bool load_spec(int fd, InitProcess* process);
void unload_spec(InitProcess* process);

/// A program on its way to execve(2).
struct InitLaunch {
  /// -1 if it failed already, at `stage` with `err`.
  pid_t pid;
  /// Readable when it is decided: see read_report(). -1 if it failed already.
  int report_fd;
  InitStage stage;
  int err;
};

/// Runs the program as a child in a session of its own. stdio[0..2] become its 0, 1, 2; a
/// descriptor of a terminal (all three the same) becomes its controlling terminal if `terminal`.
InitLaunch launch(const InitProcess& process, const int stdio[3], bool terminal);

/// True if the program was exec'ed. Else the reason is in *stage and *err.
bool read_report(int report_fd, InitStage* stage, int* err);

}  // namespace mosb::lxc
