#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

/// dm-verity says that a block failed its check, but not which. Who looks reads the layer's file to
/// find out, and what was found is kept beside the mount for those who ask next: a cache, that
/// nothing but messages comes from.
namespace mosb::verity {

/// A verity device that met a bad block, of which nothing is noted yet.
struct SilentFault {
  /// The device's name, which no other device ever has.
  std::string device;
  /// Where to note what is found.
  std::string notes;
};

/// The device's name, then the numbers of data blocks that are bad, a line each.
std::string print_block_notes(const std::string& device, const std::vector<std::uint64_t>& blocks);
/// nullopt for another device's notes, more blocks than are ever named, or anything else.
std::optional<std::vector<std::uint64_t>> parse_block_notes(std::string_view text,
                                                            const std::string& device);

/// nullopt if nothing is noted of the device.
std::optional<std::vector<std::uint64_t>> read_block_notes(const SilentFault& fault);
/// Takes the place of what was noted before. Errors: kNotFound if the mount is gone.
Status write_block_notes(const SilentFault& fault, const std::vector<std::uint64_t>& blocks);

}  // namespace mosb::verity
