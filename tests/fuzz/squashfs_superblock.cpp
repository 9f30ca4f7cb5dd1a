#include "verity/squashfs_superblock.h"

#include "fuzz.h"
#include "verity/geometry.h"
#include "verity/squashfs_tables.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto superblock = verity::SquashfsSuperblock::parse(fuzz::bytes(data, size));
  if (superblock) {
    const auto geometry = verity::Geometry::of_layer_size(superblock->bytes_used);
    if (geometry) {
      fuzz::require(geometry->layer_size() == superblock->bytes_used);
      fuzz::require(geometry->data_size() < geometry->layer_size());
      (void)check_squashfs_fills(*superblock, geometry->data_size());
    }
    const auto tables = verity::SquashfsTables::read(fuzz::bytes(data, size));
    fuzz::require(tables.has_value());
    if (check_squashfs_tables(*tables)) {
      fuzz::require(tables->inodes > 0 && tables->ids > 0);
      fuzz::require(tables->inode_table < tables->directory_table &&
                    tables->directory_table < tables->id_table &&
                    tables->id_table < superblock->bytes_used.value);
    }
  }
  return 0;
}
