#pragma once

#include <cstdint>

/// What mosb-run, mosb-init, exec clients and starters say to each other. Plain data: mosb-init has
/// no heap.
namespace mosb::lxc {

/// The one descriptor that mosb-init is started with beside 0, 1 and 2: a SOCK_SEQPACKET to
/// mosb-run. The rest comes with kGo, so that liblxc's monitor in between never holds it.
constexpr int kInitControlFd = 3;

/// Where mosb-init is inside the container.
constexpr const char* kInitPath = "/dev/.mosb-init";

enum class InitMessageType : std::uint32_t {
  /// init: set up, waiting. value, detail: errno of the two probe calls (0: not denied).
  kReady = 1,
  /// run: the facts are right. Comes with the sealed init spec and the listening SOCK_SEQPACKET for
  /// exec clients.
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
  /// exec client: run the spec that comes along; value is 1 for a terminal, whose size is then
  /// detail: rows in the upper, columns in the lower 16 bits.
  kExec,
  /// run, to its starter: the container's network namespace comes along, to be connected.
  kConnect,
  /// starter: it is connected. Anything else, or the end of the connection, ends the container.
  kConnected,
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
