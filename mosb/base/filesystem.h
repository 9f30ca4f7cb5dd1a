#pragma once

#include <optional>
#include <string_view>

namespace mosb {

/// The read-only file systems that a layer can be.
enum class Filesystem { kSquashfs, kErofs };

/// "squashfs", "erofs": as the kernel calls it.
const char* filesystem_name(Filesystem filesystem);
/// The same backwards; nullopt for any other.
std::optional<Filesystem> parse_filesystem(std::string_view name);

}  // namespace mosb
