#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace mosb::kvm {

enum class ProbeEnd : std::uint8_t {
  kRunning,
  kGuestDone,
  /// A check of the guest's own failed.
  kGuestFailed,
  /// KVM gave the guest back for a reason that has no place here, as a triple fault.
  kUnexpectedExit,
  /// A call of ours was refused.
  kCall,
  kUnsupported,
};

/// How far a probe has come; lies in memory that two processes share.
struct ProbeProgress {
  /// ProbeStep, as the guest reported it.
  std::atomic<std::uint8_t> step{0};
  std::atomic<ProbeEnd> end{ProbeEnd::kRunning};
  /// KVM_EXIT_… with kUnexpectedExit.
  std::uint32_t exit_reason = 0;
  /// Name and errno of the refused call.
  std::array<char, 32> call{};
  int err = 0;
};

/// Makes the guest with the open /dev/kvm and runs it to its end, which may never come. For a child
/// process: it frees nothing and allocates with mmap only.
void run_probe_guest(int kvm, ProbeProgress& progress);

}  // namespace mosb::kvm
