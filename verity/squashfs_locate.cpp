#include "verity/squashfs_locate.h"

#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "verity/block_owner.h"
#include "verity/layer_scan.h"
#include "verity/squashfs_scan.h"
#include "verity/squashfs_tables.h"
#include "verity/squashfs_view.h"

namespace mosb::verity {

namespace {

bool overlaps(const BlockOwner& owner, std::uint64_t begin, std::uint64_t size) {
  const std::uint64_t first = owner.block * kBlockSize;
  return first < begin + size && begin < first + kBlockSize;
}

class Search {
 public:
  Search(SquashfsView& view, std::vector<BlockOwner>& owners) : view_(view), owners_(owners) {}

  void run() {
    waiting_.emplace_back(view_.root(), "");
    while (!waiting_.empty() && seen_.size() < kMaxInodes) {
      const std::pair<InodePlace, std::string> next = std::move(waiting_.back());
      waiting_.pop_back();
      // What can't be read of it is what the search is about.
      (void)view_.list(next.first, 0, [&](const DirectoryEntry& entry) -> Result<bool> {
        look_at(entry, next.second + "/" + std::string(entry.name));
        return seen_.size() < kMaxInodes;
      });
    }
  }

 private:
  void look_at(const DirectoryEntry& entry, std::string path) {
    if (!seen_.insert(entry.place).second) {
      return;
    }
    if (entry.type == S_IFDIR) {
      waiting_.emplace_back(entry.place, std::move(path));
    } else if (entry.type == S_IFREG) {
      look_at_file(entry.place, path);
    }
  }
  void look_at_file(InodePlace file, const std::string& path) {
    std::unordered_set<std::uint64_t> had;
    (void)view_.data_ranges(file, [&](std::uint64_t begin, std::uint64_t size) {
      for (BlockOwner& owner : owners_) {
        const bool is_data =
            owner.kind == BlockOwner::Kind::kNobody || owner.kind == BlockOwner::Kind::kFiles;
        if (is_data && overlaps(owner, begin, size) && had.insert(owner.block).second) {
          owner.kind = BlockOwner::Kind::kFiles;
          owner.path = owner.files == 0 ? path.substr(0, kMaxScanPath) : owner.path;
          ++owner.files;
        }
      }
    });
  }

  SquashfsView& view_;
  std::vector<BlockOwner>& owners_;
  std::unordered_set<InodePlace> seen_;
  std::vector<std::pair<InodePlace, std::string>> waiting_;
};

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
    Search(**view, owners).run();
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
