#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mosb/base/result.h"

namespace mosb::verity {

/// Where an inode lies in the image; names of one file (hard links) have the same.
using InodePlace = std::uint64_t;

struct InodeFacts {
  /// Unique in the image.
  std::uint32_t number;
  mode_t mode;
  std::uint32_t links;
  /// As in the image.
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t size;
  /// Of a squashfs; 0 in an erofs.
  std::uint32_t mtime;
  /// Of a device node, as the kernel packs them for user space; 0 for everything else.
  std::uint32_t device;
  bool has_attributes;
};

struct DirectoryEntry {
  /// Valid during the call of the visitor. 1 to 255 bytes without '/' and NUL, not "." or "..".
  std::string_view name;
  InodePlace place;
  std::uint32_t number;
  /// S_IFREG, …
  mode_t type;
  /// Where listing goes on behind this entry; 0 in an erofs, which no server shows.
  std::uint64_t next;
};

/// The file system of a layer, whichever it is, as those see it who walk through all of it: its
/// metadata, and no file's data. Errors of all members are kVerity.
class FilesystemView {
 public:
  FilesystemView() = default;
  FilesystemView(const FilesystemView&) = delete;
  FilesystemView& operator=(const FilesystemView&) = delete;
  FilesystemView(FilesystemView&&) = delete;
  FilesystemView& operator=(FilesystemView&&) = delete;
  virtual ~FilesystemView() = default;

  /// The highest number that an inode may have.
  virtual std::uint64_t inode_limit() const = 0;
  virtual InodePlace root() const = 0;
  virtual Result<InodeFacts> inode(InodePlace place) = 0;
  /// The block of the image in which the inode begins; nullopt where inodes are compressed.
  virtual std::optional<std::uint64_t> block_of(InodePlace inode) const = 0;
  /// Visits entries until the visitor returns false.
  virtual Status list(InodePlace directory,
                      const std::function<Result<bool>(const DirectoryEntry&)>& visit) = 0;
  /// Visits the parts of the image in which the file's data lies, as it lies there; of directories
  /// where they lie among files' data.
  virtual Status data_ranges(
      InodePlace file,
      const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit) = 0;
  /// All extended attributes, with their prefixes.
  virtual Result<std::vector<std::string>> attribute_names(InodePlace place) = 0;
  virtual Result<std::optional<std::string>> attribute(InodePlace place, std::string_view name) = 0;
};

constexpr std::size_t kMaxEntryName = 255;

/// A name that a directory may have. Errors: kVerity for one that is empty, "." or "..", has '/' or
/// NUL in it, or more than 255 bytes.
Status check_entry_name(std::string_view name);

}  // namespace mosb::verity
