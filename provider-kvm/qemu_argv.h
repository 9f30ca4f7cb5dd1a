#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "provider-kvm/machine_spec.h"
#include "provider-kvm/runtime_files.h"

namespace mosb::kvm {

/// The program, looked up in PATH by whoever starts it.
inline constexpr const char* kQemu = "qemu-system-x86_64";

/// The whole command line, the program first. The machine starts at once (no -S). Nothing is in the
/// machine but what the spec says, a serial port, a source of random numbers and the guest agent's
/// channel. Pure; the spec must pass check_spec().
std::vector<std::string> qemu_argv(const MachineSpec& spec, const RuntimeFiles& files);

/// The same for a qemu that is started as root in the directory files.own(): once it has opened
/// everything it becomes user and group `user`, without other groups and capabilities.
std::vector<std::string> qemu_argv_as(const MachineSpec& spec,
                                      const RuntimeFiles& files,
                                      std::uint32_t user);

}  // namespace mosb::kvm
