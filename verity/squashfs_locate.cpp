#include "verity/squashfs_locate.h"

#include <memory>
#include <utility>
#include <vector>

#include "verity/block_owner.h"
#include "verity/layer_scan.h"
#include "verity/layer_search.h"
#include "verity/squashfs_tables.h"
#include "verity/squashfs_view.h"

namespace mosb::verity {

namespace {

BlockOwner::Kind table_of(std::uint64_t block, const SquashfsTables& tables) {
  const std::uint64_t end = (block + 1) * kBlockSize;
  if (block == 0) {
    return BlockOwner::Kind::kSuperblock;
  }
  if (end <= tables.inode_table || block * kBlockSize >= tables.bytes_used.value) {
    return BlockOwner::Kind::kNobody;
  }
  return block * kBlockSize < tables.directory_table ? BlockOwner::Kind::kInodes
                                                     : BlockOwner::Kind::kTables;
}

Result<std::vector<BlockOwner>> locate(const VerifiedReader& reader,
                                       std::span<const std::uint64_t> blocks) {
  VerifiedReader own = reader.fork();
  BlockBytes first;
  if (own.read_blocks(0, first)) {
    return Error(Errc::kVerity, "block 0 is not what was signed");
  }
  const SquashfsTables tables = MOSB_TRY(SquashfsTables::read(first));
  std::vector<BlockOwner> owners;
  for (const std::uint64_t block : blocks) {
    BlockOwner owner;
    owner.block = block;
    owner.kind = table_of(block, tables);
    owners.push_back(std::move(owner));
  }
  FaultLog faults(-1);
  if (auto view = SquashfsView::open(reader, faults, std::make_shared<BlockCache>(0))) {
    find_files(**view, owners);
  }
  return owners;
}

}  // namespace

std::string locate_in_squashfs(const VerifiedReader& reader,
                               std::span<const std::uint64_t> blocks) {
  const auto owners = locate(reader, blocks);
  return owners ? located_answer(*owners) : refused_answer("", owners.error().message());
}

}  // namespace mosb::verity
