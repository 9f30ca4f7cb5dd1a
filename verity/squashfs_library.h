#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

extern "C" {
#include <squashfuse/squashfuse.h>
}

#include "mosb/base/result.h"
#include "verity/block_cache.h"
#include "verity/squashfs_view.h"
#include "verity/verified_window.h"

namespace mosb::verity {

/// An image as libsquashfuse has it open, and the library's calls with the checks that it lacks: it
/// follows places in the image without a look at whether they lie in what it has read. Only
/// SquashfsView uses it. Errors: kVerity.
class SquashfsLibrary {
 public:
  /// The bytes that the library is given.
  struct Windows {
    VerifiedWindow metadata;
    VerifiedWindow data;

    static Result<Windows> make(const VerifiedReader& reader, FaultLog& faults);
    bool read(std::uint64_t offset, std::span<std::byte> out);
  };
  /// While one lives, what the library reads in this thread comes from the image.
  class [[nodiscard]] Use {
   public:
    explicit Use(SquashfsLibrary& library);
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Use(Use&&) = delete;
    Use& operator=(Use&&) = delete;
    ~Use();
  };

  /// Errors: kHost for a compression that the library was built without.
  static Result<std::unique_ptr<SquashfsLibrary>> open(Windows windows,
                                                       std::shared_ptr<BlockCache> cache);
  SquashfsLibrary(const SquashfsLibrary&) = delete;
  SquashfsLibrary& operator=(const SquashfsLibrary&) = delete;
  SquashfsLibrary(SquashfsLibrary&&) = delete;
  SquashfsLibrary& operator=(SquashfsLibrary&&) = delete;
  ~SquashfsLibrary();

  static Error refused(int err);
  static Status check(sqfs_err err);

  Result<sqfs_inode> inode(InodePlace place);
  Result<std::uint32_t> id(std::uint16_t index);
  /// To be called before the entries of a directory are read.
  Status check_directory(const sqfs_inode& inode);
  /// Where the file's end lies, which shares a block with other files' ends.
  Result<squashfs_fragment_entry> fragment(const sqfs_inode& inode);
  /// From the next block of the list; 0 if that lies before `offset`. `out` does not go beyond the
  /// end of the file.
  Result<std::size_t> read_data(sqfs_blocklist& list,
                                const sqfs_inode& inode,
                                std::uint64_t offset,
                                std::span<std::byte> out);
  Result<std::size_t> read_fragment(const sqfs_inode& inode,
                                    std::uint64_t offset,
                                    std::span<std::byte> out);
  /// Until the visitor returns false.
  Status for_each_attribute(InodePlace place,
                            const std::function<Result<bool>(std::string, sqfs_xattr&)>& visit);

  sqfs* image() { return &fs_; }
  const squashfs_super_block& superblock() const { return fs_.sb; }
  /// For the name of the entry that is read next.
  char* name_buffer() { return name_.data(); }

 private:
  /// libsquashfuse reads all names, and index names, into one buffer without a look at their
  /// length, which the image gives as 16 bits.
  static constexpr std::size_t kNameBuffer = 65'536 + 1;

  SquashfsLibrary(Windows windows, std::shared_ptr<BlockCache> cache)
      : windows_(std::move(windows)), cache_(std::move(cache)) {}
  Status check_offset(std::uint64_t block, std::uint64_t offset);
  Status check_entry(const sqfs_table& table, std::uint64_t index);
  Result<CachedBlock> block(std::uint64_t place, std::uint32_t header);

  Windows windows_;
  std::shared_ptr<BlockCache> cache_;
  sqfs fs_{};
  bool initialized_ = false;
  std::array<char, kNameBuffer> name_{};
};

}  // namespace mosb::verity
