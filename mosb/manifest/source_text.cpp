#include "mosb/manifest/source_text.h"

#include <algorithm>
#include <string>

#include "mosb/base/text.h"
#include "mosb/manifest/manifest.h"

namespace mosb::manifest {

namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

constexpr std::size_t kBlock = 128;

std::size_t count_continuing(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

/// The first byte of a character that a manifest must not hold, or npos.
std::size_t find_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool carriage_return = c == '\r' && text.substr(i + 1, 1) == "\n";
    if ((c < 0x20 && c != '\n' && c != '\t' && !carriage_return) || c == 0x7f) {
      return i;
    }
    // U+0080 to U+009F, and the line ends of Unicode, which readers of YAML differ on.
    const bool c1 = c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    const std::string_view three = text.substr(i, 3);
    if (c1 || three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
      return i;
    }
  }
  return std::string_view::npos;
}

std::size_t first_bad_utf8(std::string_view text) {
  // Bisects on the longest prefix that is valid; a character is at most four bytes long.
  std::size_t good = 0;
  std::size_t bad = text.size();
  while (bad - good > 4) {
    std::size_t middle = good + (bad - good) / 2;
    while (middle > good && continues_character(text[middle])) {
      --middle;
    }
    if (middle == good) {
      break;
    }
    (is_utf8(text.substr(good, middle - good)) ? good : bad) = middle;
  }
  return good;
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text), lines_{0} {
  std::size_t continuing = 0;
  for (std::size_t i = 0; i < text.size(); i += kBlock) {
    continuing_.push_back(continuing);
    continuing += count_continuing(text.substr(i, kBlock));
  }
  continuing_.push_back(continuing);
  for (std::size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1)) {
    lines_.push_back(i + 1);
  }
}

std::size_t SourceText::continuing_before(std::size_t offset) const {
  const std::size_t block = offset / kBlock;
  return continuing_[block] + count_continuing(text_.substr(block * kBlock, offset % kBlock));
}

Mark SourceText::mark_at(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const std::size_t line = *(next - 1);
  const std::size_t inside = continuing_before(offset) - continuing_before(line);
  return Mark{static_cast<unsigned>(next - lines_.begin()),
              static_cast<unsigned>(offset - line - inside + 1)};
}

Problem SourceText::problem_at(std::size_t offset, std::string message) const {
  const Mark mark = mark_at(offset);
  return Problem{mark.line, mark.column, "", std::move(message), ""};
}

std::optional<Problem> SourceText::unreadable() const {
  if (text_.size() > kMaxManifestSize.value) {
    return problem_at(0, "the manifest is larger than 1 MiB");
  }
  if (text_.substr(0, 3) == "\xef\xbb\xbf") {
    return problem_at(0, "the manifest begins with a byte order mark");
  }
  if (!is_utf8(text_)) {
    return problem_at(first_bad_utf8(text_), "the manifest is not UTF-8");
  }
  const std::size_t control = find_control(text_);
  if (control != std::string_view::npos) {
    return problem_at(control, "a control character");
  }
  return std::nullopt;
}

}  // namespace mosb::manifest
