#pragma once

#include <cstdint>

/// What mosb-run, mosb-init and exec clients say to each other. Plain data: mosb-init has no heap.
namespace mosb::lxc {

/// Descriptors that mosb-init is started with, beside 0, 1 and 2.
constexpr int kInitSpecFd = 3;     // the sealed init spec
constexpr int kInitControlFd = 4;  // SOCK_SEQPACKET to mosb-run
constexpr int kInitExecFd = 5;     // listening SOCK_SEQPACKET for exec clients

/// Where mosb-init is inside the container.
constexpr const char* kInitPath = "/dev/.mosb-init";

enum class InitMessageType : std::uint32_t {
  /// init: set up, waiting. value, detail: errno of the two probe calls (0: not denied).
  kReady = 1,
  /// run: the facts are right.
  kGo,
  /// init: the program was exec'ed. With a terminal, its master side comes along.
  kStarted,
  /// init: value is an InitStage, detail errno.
  kFailed,
  /// init: value is the exit code (128 + signal), detail the signal or 0.
  kExited,
  /// run: the end is recorded.
  kAck,
  /// exec client: value is a signal for the command.
  kSignal,
  /// exec client: run the spec that comes along; value is 1 for a terminal.
  kExec,
};

/// Where starting a program can fail.
enum class InitStage : std::int32_t {
  kSpec = 1,
  kFork,
  kTerminal,
  kGroups,
  kGid,
  kUid,
  kDirectory,
  kExec,
  kBusy,
};

struct InitMessage {
  InitMessageType type;
  std::int32_t value;
  std::int32_t detail;
};

}  // namespace mosb::lxc
