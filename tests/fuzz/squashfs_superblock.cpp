#include "verity/squashfs_superblock.h"

#include "fuzz.h"
#include "verity/geometry.h"

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
  }
  return 0;
}
