#include "verity/bad_block_notes.h"

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/server_state.h"

namespace mosb::verity {

namespace {

constexpr ByteCount kMaxNotes{4 * kKiB};

}  // namespace

std::string print_block_notes(const std::string& device, const std::vector<std::uint64_t>& blocks) {
  std::string text = device + "\n";
  for (const std::uint64_t block : blocks) {
    text += std::to_string(block) + "\n";
  }
  return text;
}

std::optional<std::vector<std::uint64_t>> parse_block_notes(std::string_view text,
                                                            const std::string& device) {
  if (!text.ends_with('\n')) {
    return std::nullopt;
  }
  const std::vector<std::string> lines = split(text.substr(0, text.size() - 1), '\n');
  if (lines.front() != device || lines.size() > 1 + kMaxNamedBlocks) {
    return std::nullopt;
  }
  std::vector<std::uint64_t> blocks;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto block = parse_uint(lines[i], 0, UINT64_MAX);
    if (!block) {
      return std::nullopt;
    }
    blocks.push_back(*block);
  }
  return blocks;
}

std::optional<std::vector<std::uint64_t>> read_block_notes(const SilentFault& fault) {
  const auto text = read_file(fault.notes, kMaxNotes);
  return text ? parse_block_notes(*text, fault.device) : std::nullopt;
}

Status write_block_notes(const SilentFault& fault, const std::vector<std::uint64_t>& blocks) {
  return replace_file(fault.notes, print_block_notes(fault.device, blocks), 0600);
}

}  // namespace mosb::verity
