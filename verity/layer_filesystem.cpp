#include "verity/layer_filesystem.h"

#include <string>

#include "verity/erofs_superblock.h"
#include "verity/squashfs_superblock.h"

namespace mosb::verity {

Result<Filesystem> identify_filesystem(std::span<const std::byte> first_block,
                                       ByteCount data_size) {
  const bool squashfs = SquashfsSuperblock::is_in(first_block);
  const bool erofs = ErofsSuperblock::is_in(first_block);
  if (squashfs && erofs) {
    return Error(Errc::kVerity, "the layer is a squashfs and an erofs image at once");
  }
  if (erofs) {
    MOSB_CHECK(check_erofs_fills(MOSB_TRY(ErofsSuperblock::parse(first_block)), data_size));
    return Filesystem::kErofs;
  }
  if (squashfs) {
    MOSB_CHECK(check_squashfs_fills(MOSB_TRY(SquashfsSuperblock::parse(first_block)), data_size));
    return Filesystem::kSquashfs;
  }
  return Error(Errc::kVerity, "the layer is neither a squashfs nor an erofs image");
}

Status require_filesystem(Filesystem found, Filesystem promised) {
  if (found != promised) {
    return Error(Errc::kVerity,
                 std::string("its media type says ") + filesystem_name(promised) + ", but it is " +
                     filesystem_name(found));
  }
  return ok();
}

}  // namespace mosb::verity
