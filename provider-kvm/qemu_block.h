#pragma once

#include <string>

#include "provider-kvm/machine_spec.h"

namespace mosb::kvm {

/// A file as qemu's block layer opens it, in JSON for -blockdev.
struct BlockNode {
  /// What devices name it by.
  std::string name;
  std::string path;
  ImageFormat format = ImageFormat::kRaw;
  bool read_only = false;
};

/// What the guest has flushed is on the host's disk; what it discards is given back.
std::string to_blockdev(const BlockNode& node);

}  // namespace mosb::kvm
