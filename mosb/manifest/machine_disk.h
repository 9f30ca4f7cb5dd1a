#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mosb/base/byte_count.h"

namespace mosb::manifest {

struct MachineDisk {
  enum class Format { kQcow2, kRaw };
  enum class Attach { kScsi, kVirtio, kNvme, kIde, kUsb };
  enum class Type { kSsd, kHdd, kCdrom };

  /// A name without '/' is a file in the machine's own folder.
  std::string file;
  Format format = Format::kQcow2;
  Attach attach = Attach::kScsi;
  Type type = Type::kSsd;
  /// A missing file is made with this size, a multiple of 512.
  std::optional<ByteCount> size;
  bool read_only = false;
  /// 512 or 4096.
  std::uint32_t block_size = 512;
  /// Whether the machine may boot from it; without an index it comes after those with one.
  bool bootable = true;
  std::optional<std::uint32_t> bootindex;
  /// On the PCI bus, 1 to 30.
  std::optional<std::uint8_t> slot;
  bool operator==(const MachineDisk&) const = default;
};

}  // namespace mosb::manifest
