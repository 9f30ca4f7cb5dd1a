#include "verity/squashfs_scan.h"

#include <memory>

#include "verity/layer_scan.h"
#include "verity/layer_walk.h"
#include "verity/squashfs_tables.h"
#include "verity/squashfs_view.h"

namespace mosb::verity {

namespace {

Status check_superblock(const VerifiedReader& reader) {
  VerifiedReader own = reader.fork();
  BlockBytes first;
  if (own.read_blocks(0, first)) {
    return Error(Errc::kVerity, "block 0 is not what was signed");
  }
  return check_squashfs_tables(MOSB_TRY(SquashfsTables::read(first)));
}

}  // namespace

std::string scan_squashfs(const VerifiedReader& reader) {
  const Status superblock = check_superblock(reader);
  if (!superblock) {
    return refused_answer("", superblock.error().message());
  }
  FaultLog faults(-1);
  // No data is read, so none is kept.
  auto view = SquashfsView::open(reader, faults, std::make_shared<BlockCache>(0));
  if (!view) {
    return refused_answer("", reason_for(view.error(), faults));
  }
  return walk_layer(**view, faults);
}

}  // namespace mosb::verity
