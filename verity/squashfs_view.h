#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mosb/base/result.h"
#include "verity/block_cache.h"
#include "verity/fault_log.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

class SquashfsLibrary;

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
  /// Where listing goes on behind this entry.
  std::uint64_t next;
};

struct SquashfsFacts {
  std::uint32_t inodes;
  std::uint32_t block_size;
  std::uint64_t bytes_used;
};

/// A squashfs image read through a VerifiedReader, by libsquashfuse (SquashfsLibrary), which is
/// handed no descriptor and so cannot read anything else. A view belongs to one thread.
/// Errors of all members are kVerity: with the errno EIO for bad blocks and broken structures,
/// ENOTDIR, EINVAL, ENAMETOOLONG where a call does not fit the inode; without one for an entry
/// whose name is none.
class SquashfsView {
 public:
  /// `cache` is shared by all views of the image.
  static Result<std::unique_ptr<SquashfsView>> open(const VerifiedReader& reader,
                                                    FaultLog& faults,
                                                    std::shared_ptr<BlockCache> cache);
  SquashfsView(const SquashfsView&) = delete;
  SquashfsView& operator=(const SquashfsView&) = delete;
  SquashfsView(SquashfsView&&) = delete;
  SquashfsView& operator=(SquashfsView&&) = delete;
  ~SquashfsView();

  SquashfsFacts facts() const;
  InodePlace root() const;
  Result<InodeFacts> inode(InodePlace place);
  Result<std::optional<InodePlace>> lookup(InodePlace directory, std::string_view name);
  Result<std::uint32_t> parent_number(InodePlace directory);
  /// Visits entries from `from` on (0: all) until the visitor returns false.
  Status list(InodePlace directory,
              std::uint64_t from,
              const std::function<Result<bool>(const DirectoryEntry&)>& visit);
  /// Fills `out` as far as the file goes; returns how much that is.
  Result<std::size_t> read(InodePlace file, std::uint64_t offset, std::span<std::byte> out);
  /// Visits the parts of the image in which the file's data lies, as it lies there.
  Status data_ranges(InodePlace file,
                     const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit);
  Result<std::string> read_link(InodePlace link);
  /// All extended attributes, with their prefixes.
  Result<std::vector<std::string>> attribute_names(InodePlace place);
  Result<std::optional<std::string>> attribute(InodePlace place, std::string_view name);

 private:
  explicit SquashfsView(std::unique_ptr<SquashfsLibrary> library);

  std::unique_ptr<SquashfsLibrary> library_;
};

}  // namespace mosb::verity
