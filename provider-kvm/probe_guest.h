#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace mosb::kvm {

/// What the probe's guest shows that it has come through, in this order. It reports each by a byte
/// written to kProbeStepPort.
enum class ProbeStep : std::uint8_t {
  kNone = 0,
  kRealMode,
  kProtectedMode,
  kLongMode,
  kCpuid,
  kRdtsc,
  kMmio,
  kMemory,
  kPageFault,
  kInvalidOpcode,
  kComputing,
  kHaltAndWake,
  kTimerWhileComputing,
  kDone,
};

/// For people: what the guest could not do if it ended before this step.
const char* probe_step_name(ProbeStep step);

/// Where the guest reports a step, and where it says that a check of its own failed.
inline constexpr std::uint16_t kProbeStepPort = 0x10;
inline constexpr std::uint16_t kProbeFailurePort = 0x11;
/// Memory that is none: a write and a read of it must come to the host.
inline constexpr std::uint64_t kProbeMmioAddress = 0xd0000000;
inline constexpr std::uint32_t kProbeMmioWritten = 0x6d6f7362;
inline constexpr std::uint32_t kProbeMmioAnswer = 0x62736f6d;

inline constexpr std::uint64_t kProbeMemorySize = 16U << 20U;
/// Where the guest's program begins, in real mode with this as base of its code segment.
inline constexpr std::uint64_t kProbeCodeAddress = 0x10000;

/// Fills the guest's memory (kProbeMemorySize bytes): program, page tables, GDT and IDT. False on a
/// processor that it is not written for.
bool load_probe_guest(std::span<std::uint8_t> memory);

}  // namespace mosb::kvm
