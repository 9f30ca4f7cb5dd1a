#include "verity/block_owner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/layer_scan.h"
#include "verity/scan_word.h"

namespace mosb::verity {

namespace {

/// In the order of BlockOwner::Kind.
constexpr std::array<std::string_view, 5> kKinds{
    "nobody", "superblock", "inodes", "tables", "files"};

Error nonsense() {
  return Error(Errc::kVerity, "the scanner's answer makes no sense");
}

Result<BlockOwner> read_owner(const std::vector<std::string>& words, std::uint64_t block) {
  const auto* const name = std::find(kKinds.begin(), kKinds.end(), words[0]);
  if (name == kKinds.end()) {
    return nonsense();
  }
  BlockOwner owner;
  owner.block = block;
  owner.kind = static_cast<BlockOwner::Kind>(name - kKinds.begin());
  const std::size_t expected = owner.kind == BlockOwner::Kind::kFiles ? 4 : 2;
  if (words.size() != expected || words[1] != std::to_string(block)) {
    return nonsense();
  }
  if (owner.kind == BlockOwner::Kind::kFiles) {
    const auto files = parse_uint(words[2], 1, UINT64_MAX);
    auto path = decode_scan_word(words[3], kMaxScanPath);
    if (!files || !path) {
      return nonsense();
    }
    owner.files = *files;
    owner.path = *std::move(path);
  }
  return owner;
}

}  // namespace

std::string_view kind_name(BlockOwner::Kind kind) {
  return kKinds.at(static_cast<std::size_t>(kind));
}

std::string located_answer(std::span<const BlockOwner> owners) {
  std::string text;
  for (const BlockOwner& owner : owners) {
    text += std::string(kind_name(owner.kind)) + " " + std::to_string(owner.block);
    if (owner.kind == BlockOwner::Kind::kFiles) {
      text += " " + std::to_string(owner.files) + " " + encode_scan_word(owner.path, kMaxScanPath);
    }
    text += "\n";
  }
  return text;
}

Result<std::vector<BlockOwner>> parse_located_answer(std::string_view text,
                                                     std::span<const std::uint64_t> blocks) {
  std::vector<BlockOwner> owners;
  if (text.empty() || text.back() != '\n') {
    return nonsense();
  }
  const std::vector<std::string> lines = split(text.substr(0, text.size() - 1), '\n');
  if (lines.size() != blocks.size()) {
    return nonsense();
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    owners.push_back(MOSB_TRY(read_owner(split(lines[i], ' '), blocks[i])));
  }
  return owners;
}

std::string to_string(const BlockOwner& owner) {
  const std::string block = "block " + std::to_string(owner.block);
  switch (owner.kind) {
    case BlockOwner::Kind::kNobody:
      return block;
    case BlockOwner::Kind::kSuperblock:
      return block + ", the superblock";
    case BlockOwner::Kind::kInodes:
      return block + " of the inodes";
    case BlockOwner::Kind::kTables:
      return block + " of the directories and other tables";
    case BlockOwner::Kind::kFiles:
      break;
  }
  const std::string of = block + " of " + quote(owner.path);
  return owner.files == 1 ? of : of + " and " + std::to_string(owner.files - 1) + " other files";
}

}  // namespace mosb::verity
