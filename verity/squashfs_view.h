#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "verity/block_cache.h"
#include "verity/fault_log.h"
#include "verity/filesystem_view.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

class SquashfsLibrary;

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
class SquashfsView final : public FilesystemView {
 public:
  /// `cache` is shared by all views of the image.
  static Result<std::unique_ptr<SquashfsView>> open(const VerifiedReader& reader,
                                                    FaultLog& faults,
                                                    std::shared_ptr<BlockCache> cache);
  SquashfsView(const SquashfsView&) = delete;
  SquashfsView& operator=(const SquashfsView&) = delete;
  SquashfsView(SquashfsView&&) = delete;
  SquashfsView& operator=(SquashfsView&&) = delete;
  ~SquashfsView() override;

  SquashfsFacts facts() const;
  std::uint64_t inode_limit() const override { return facts().inodes; }
  InodePlace root() const override;
  Result<InodeFacts> inode(InodePlace place) override;
  Result<std::optional<InodePlace>> lookup(InodePlace directory, std::string_view name);
  Result<std::uint32_t> parent_number(InodePlace directory);
  std::optional<std::uint64_t> block_of(InodePlace /*inode*/) const override {
    return std::nullopt;
  }
  Status list(InodePlace directory,
              const std::function<Result<bool>(const DirectoryEntry&)>& visit) override {
    return list_from(directory, 0, visit);
  }
  /// Only entries from `from` on.
  Status list_from(InodePlace directory,
                   std::uint64_t from,
                   const std::function<Result<bool>(const DirectoryEntry&)>& visit);
  /// Fills `out` as far as the file goes; returns how much that is.
  Result<std::size_t> read(InodePlace file, std::uint64_t offset, std::span<std::byte> out);
  Status data_ranges(
      InodePlace file,
      const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit) override;
  Result<std::string> read_link(InodePlace link);
  Result<std::vector<std::string>> attribute_names(InodePlace place) override;
  Result<std::optional<std::string>> attribute(InodePlace place, std::string_view name) override;

 private:
  explicit SquashfsView(std::unique_ptr<SquashfsLibrary> library);

  std::unique_ptr<SquashfsLibrary> library_;
};

}  // namespace mosb::verity
