#include "verity/layer_search.h"

#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include <sys/stat.h>

#include "verity/block.h"
#include "verity/layer_scan.h"
#include "verity/layer_walk.h"

namespace mosb::verity {

namespace {

bool overlaps(const BlockOwner& owner, std::uint64_t begin, std::uint64_t size) {
  const std::uint64_t first = owner.block * kBlockSize;
  return first < begin + size && begin < first + kBlockSize;
}

class Search {
 public:
  Search(FilesystemView& view, std::vector<BlockOwner>& owners) : view_(view), owners_(owners) {}

  void run() {
    look_at_inode(view_.root());
    look_at_directory(view_.root());
    waiting_.emplace_back(view_.root(), "");
    while (!waiting_.empty() && seen_.size() < kMaxInodes) {
      const std::pair<InodePlace, std::string> next = std::move(waiting_.back());
      waiting_.pop_back();
      // What can't be read of it is what the search is about.
      (void)view_.list(next.first, [&](const DirectoryEntry& entry) -> Result<bool> {
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
    look_at_inode(entry.place);
    if (entry.type == S_IFDIR) {
      look_at_directory(entry.place);
      waiting_.emplace_back(entry.place, std::move(path));
    } else if (entry.type == S_IFREG) {
      look_at_file(entry.place, path);
    }
  }
  void look_at_inode(InodePlace inode) {
    const auto block = view_.block_of(inode);
    for (BlockOwner& owner : owners_) {
      if (owner.block == block && owner.kind != BlockOwner::Kind::kSuperblock) {
        owner = {owner.block, BlockOwner::Kind::kInodes, 0, {}};
      }
    }
  }
  void look_at_directory(InodePlace directory) {
    (void)view_.data_ranges(directory, [&](std::uint64_t begin, std::uint64_t size) {
      for (BlockOwner& owner : owners_) {
        if (owner.kind == BlockOwner::Kind::kNobody && overlaps(owner, begin, size)) {
          owner.kind = BlockOwner::Kind::kTables;
        }
      }
    });
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

  FilesystemView& view_;
  std::vector<BlockOwner>& owners_;
  std::unordered_set<InodePlace> seen_;
  std::vector<std::pair<InodePlace, std::string>> waiting_;
};

}  // namespace

void find_files(FilesystemView& view, std::vector<BlockOwner>& owners) {
  Search(view, owners).run();
}

}  // namespace mosb::verity
