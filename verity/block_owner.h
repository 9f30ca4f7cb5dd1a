#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

/// To whom a block of a layer belongs, and the text in which the scanner, an untrusted process,
/// says it.
namespace mosb::verity {

/// What a data block of a layer is used for.
struct BlockOwner {
  enum class Kind {
    /// Padding, or nothing that could be found: what leads there may be damaged, too.
    kNobody,
    kSuperblock,
    kInodes,
    /// Of directories, fragments, ids and attributes.
    kTables,
    kFiles,
  };
  std::uint64_t block = 0;
  Kind kind = Kind::kNobody;
  /// How many files have data in it; several where they are small.
  std::uint64_t files = 0;
  /// The first of them; any bytes but NUL, at most kMaxScanPath.
  std::string path;
  bool operator==(const BlockOwner&) const = default;
};

/// "files", "inodes", … as in the scanner's answer.
std::string_view kind_name(BlockOwner::Kind kind);

/// Of one question.
constexpr std::size_t kMaxLocated = 16;

/// A line for each block: "superblock 0", "inodes 77", "tables 78", "nobody 79" or
/// "files 12 3 2f62696e2f7375", the path in hexadecimal.
std::string located_answer(std::span<const BlockOwner> owners);
/// Strict: exactly what located_answer() writes, for these blocks in this order. Errors: kVerity.
Result<std::vector<BlockOwner>> parse_located_answer(std::string_view text,
                                                     std::span<const std::uint64_t> blocks);

/// "block 12 of '/bin/su'", "block 12 of '/etc/a' and 2 other files", "block 0, the superblock".
std::string to_string(const BlockOwner& owner);

}  // namespace mosb::verity
