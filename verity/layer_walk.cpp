#include "verity/layer_walk.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "mosb/base/text.h"
#include "verity/layer_scan.h"

namespace mosb::verity {

namespace {

constexpr std::uint64_t kMaxLink = 4095;
constexpr std::string_view kOverlayPrefix = "trusted.overlay.";
constexpr std::string_view kOpaque = "trusted.overlay.opaque";
constexpr std::string_view kCapability = "security.capability";
constexpr InodePlace kNowhere = UINT64_MAX;

Error refuse(const std::string& why) {
  return Error(Errc::kVerity, why);
}

bool is_whiteout(const InodeFacts& inode) {
  return S_ISCHR(inode.mode) && inode.device == 0;
}

class Walk {
 public:
  explicit Walk(FilesystemView& view) : view_(view) {}

  Status run();
  LayerScan result() const;
  /// Where it is; what an error is about.
  std::string path() const { return path_.empty() ? "/" : path_; }

 private:
  /// A directory that the walk has still to enter.
  struct Waiting {
    InodePlace place;
    /// Where its name lies in names_.
    std::size_t name;
    std::size_t depth;
  };

  Status enter(const Waiting& directory);
  Status list(const Waiting& directory);
  Status look_at_entry(const DirectoryEntry& entry, const Waiting& directory);
  Status meet(const InodeFacts& inode, InodePlace place);
  Status examine(const InodeFacts& inode, InodePlace place);
  Status examine_file(const InodeFacts& inode);
  Status examine_attributes(const InodeFacts& inode, InodePlace place);
  Status examine_overlay(const InodeFacts& inode, InodePlace place, std::string_view name);
  void count(FindingKind kind);

  FilesystemView& view_;
  /// By inode number, less one; as far as numbers were met.
  std::vector<InodePlace> places_;
  std::uint64_t inodes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::array<Finding, kFindingNames.size()> found_{};
  std::vector<Waiting> waiting_;
  /// Of those that wait, the last one at the end.
  std::string names_;
  /// Of the directory that the walk is in, then of the entry that it looks at; "" is the root.
  std::string path_;
  /// Where each directory on the way ends in path_.
  std::vector<std::size_t> ends_;
};

Status Walk::run() {
  const std::uint64_t inodes = view_.inode_limit();
  if (inodes > kMaxInodes) {
    return refuse("has " + std::to_string(inodes) + " inodes, more than " +
                  std::to_string(kMaxInodes));
  }
  const InodePlace place = view_.root();
  const InodeFacts root = MOSB_TRY(view_.inode(place));
  if (!S_ISDIR(root.mode)) {
    return refuse("the root is no directory");
  }
  MOSB_CHECK(meet(root, place));
  waiting_.push_back({.place = place, .name = 0, .depth = 0});
  while (!waiting_.empty()) {
    const Waiting next = waiting_.back();
    waiting_.pop_back();
    MOSB_CHECK(enter(next));
  }
  return ok();
}

Status Walk::enter(const Waiting& directory) {
  const std::string name = names_.substr(directory.name);
  names_.resize(directory.name);
  ends_.resize(directory.depth);
  path_.resize(ends_.empty() ? 0 : ends_.back());
  if (directory.depth > 0) {
    path_ += "/" + name;
  }
  ends_.push_back(path_.size());
  if (directory.depth > kMaxDepth) {
    return refuse("directories are more than " + std::to_string(kMaxDepth) + " deep");
  }
  return list(directory);
}

Status Walk::list(const Waiting& directory) {
  std::string before;
  MOSB_CHECK(view_.list(directory.place, [&](const DirectoryEntry& entry) -> Result<bool> {
    path_.resize(ends_.back());
    path_ += "/";
    path_ += entry.name;
    if (entry.name <= before) {
      return refuse("directory entries are not in order, or one is there twice");
    }
    before = entry.name;
    MOSB_CHECK(look_at_entry(entry, directory));
    path_.resize(ends_.back());
    return true;
  }));
  return ok();
}

Status Walk::look_at_entry(const DirectoryEntry& entry, const Waiting& directory) {
  if (++entries_ > kMaxEntries) {
    return refuse("there are more than " + std::to_string(kMaxEntries) + " names");
  }
  // The kernel takes the number from the entry, and keeps inodes by it.
  const InodeFacts inode = MOSB_TRY(view_.inode(entry.place));
  if (inode.number != entry.number || (inode.mode & S_IFMT) != entry.type) {
    return refuse("the directory entry says something else than its inode");
  }
  MOSB_CHECK(meet(inode, entry.place));
  if (S_ISDIR(inode.mode)) {
    if (names_.size() + entry.name.size() > kMaxWaitingNames) {
      return refuse("there are too many directories");
    }
    waiting_.push_back({.place = entry.place, .name = names_.size(), .depth = directory.depth + 1});
    names_ += entry.name;
  }
  return ok();
}

Status Walk::meet(const InodeFacts& inode, InodePlace place) {
  if (inode.number == 0 || inode.number > view_.inode_limit()) {
    return refuse("inode number " + std::to_string(inode.number) + " is out of range");
  }
  if (inode.number > places_.size()) {
    places_.resize(inode.number, kNowhere);
  }
  InodePlace& known = places_[inode.number - 1];
  if (known == place) {
    return S_ISDIR(inode.mode) ? Status(refuse("the directory has two names")) : ok();
  }
  if (known != kNowhere) {
    return refuse("inode number " + std::to_string(inode.number) + " is there twice");
  }
  known = place;
  return examine(inode, place);
}

Status Walk::examine(const InodeFacts& inode, InodePlace place) {
  ++inodes_;
  if (S_ISREG(inode.mode)) {
    MOSB_CHECK(examine_file(inode));
  }
  if (S_ISLNK(inode.mode) && (inode.size == 0 || inode.size > kMaxLink)) {
    return refuse("symlink of " + std::to_string(inode.size) + " bytes");
  }
  if ((S_ISCHR(inode.mode) || S_ISBLK(inode.mode)) && !is_whiteout(inode)) {
    count(FindingKind::kDeviceNodes);
  }
  return inode.has_attributes ? examine_attributes(inode, place) : ok();
}

Status Walk::examine_file(const InodeFacts& inode) {
  if (inode.size > kMaxFileBytes - file_bytes_) {
    return refuse("with it the files say that they have more than " +
                  std::to_string(kMaxFileBytes) + " bytes");
  }
  file_bytes_ += inode.size;
  if ((inode.mode & (S_ISUID | S_ISGID)) != 0) {
    count(FindingKind::kSetIdFiles);
  }
  return ok();
}

Status Walk::examine_attributes(const InodeFacts& inode, InodePlace place) {
  for (const std::string& name : MOSB_TRY(view_.attribute_names(place))) {
    if (name == kCapability) {
      count(FindingKind::kFileCapabilities);
    } else if (name.starts_with(kOverlayPrefix)) {
      MOSB_CHECK(examine_overlay(inode, place, name));
    }
  }
  return ok();
}

Status Walk::examine_overlay(const InodeFacts& inode, InodePlace place, std::string_view name) {
  if (name == kOpaque && S_ISDIR(inode.mode)) {
    const auto value = MOSB_TRY(view_.attribute(place, name));
    if (value == "y") {
      return ok();
    }
  }
  constexpr std::size_t kShown = 64;
  return refuse("has the attribute " + quote(name.substr(0, kShown)) +
                ", by which a layer tells overlayfs what is not its own to say");
}

void Walk::count(FindingKind kind) {
  Finding& finding = found_.at(static_cast<std::size_t>(kind));
  finding.kind = kind;
  if (finding.count == 0) {
    finding.example = path().substr(0, kMaxScanPath);
  }
  ++finding.count;
}

LayerScan Walk::result() const {
  LayerScan scan{.inodes = inodes_, .file_bytes = ByteCount{file_bytes_}, .findings = {}};
  std::copy_if(
      found_.begin(), found_.end(), std::back_inserter(scan.findings), [](const Finding& finding) {
        return finding.count > 0;
      });
  return scan;
}

}  // namespace

std::string reason_for(const Error& error, const FaultLog& faults) {
  const auto fault = faults.first();
  if (!fault) {
    return error.sys_errno() != 0 ? "the structure of the image is broken" : error.message();
  }
  return std::string(fault->kind == BlockFault::Kind::kCorrupt ? "corrupt" : "unreadable") +
         " block " + std::to_string(fault->block);
}

std::string walk_layer(FilesystemView& view, const FaultLog& faults) {
  Walk walk(view);
  const Status walked = walk.run();
  return walked ? passed_answer(walk.result())
                : refused_answer(walk.path(), reason_for(walked.error(), faults));
}

}  // namespace mosb::verity
