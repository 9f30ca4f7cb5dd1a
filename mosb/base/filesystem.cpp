#include "mosb/base/filesystem.h"

namespace mosb {

const char* filesystem_name(Filesystem filesystem) {
  switch (filesystem) {
    case Filesystem::kSquashfs:
      return "squashfs";
    case Filesystem::kErofs:
      return "erofs";
  }
  return "";
}

std::optional<Filesystem> parse_filesystem(std::string_view name) {
  for (const Filesystem filesystem : {Filesystem::kSquashfs, Filesystem::kErofs}) {
    if (name == filesystem_name(filesystem)) {
      return filesystem;
    }
  }
  return std::nullopt;
}

}  // namespace mosb
