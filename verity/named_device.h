#pragma once

#include <string>

namespace mosb::verity {

/// A device of device-mapper's.
struct NamedDevice {
  std::string name;
  /// "254:3".
  std::string device;
};

}  // namespace mosb::verity
