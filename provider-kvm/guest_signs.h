#pragma once

#include <string>

#include "mosb/base/deadline.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_run.h"

namespace mosb::kvm {

/// The line that a guest without an agent prints on its serial console when it is ready.
inline constexpr const char* kReadyLine = "mosb: ready";

/// What a guest lets be seen.
struct GuestSigns {
  /// It did anything at all: wrote to its console, to the agent's channel, or used a disk.
  bool alive = false;
  /// It says that it is ready: `ready_line` stands in a line of its console, or something in it
  /// answers at the guest agent's channel.
  bool ready = false;
  /// qemu ended meanwhile.
  bool ended = false;
};

/// Waits until a running machine is ready or has ended, at most until the deadline. Reads the
/// console from where this run began. Errors: kRuntime if its log cannot be read.
Result<GuestSigns> wait_ready(const MachinePlace& place,
                              const Observation& running,
                              const std::string& ready_line,
                              const Deadline& deadline);

/// Whether the guest did anything since it was started; looks once.
Result<bool> shows_life(const MachinePlace& place, const Observation& running);

}  // namespace mosb::kvm
