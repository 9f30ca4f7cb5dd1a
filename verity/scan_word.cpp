#include "verity/scan_word.h"

#include <span>

#include "mosb/base/hex.h"

namespace mosb::verity {

namespace {

constexpr std::string_view kEmpty = "-";

Error nonsense() {
  return Error(Errc::kVerity, "the scanner's answer makes no sense");
}

}  // namespace

std::string encode_scan_word(std::string_view text, std::size_t most) {
  const std::string_view kept = text.substr(0, most);
  return kept.empty() ? std::string(kEmpty) : to_hex(std::as_bytes(std::span(kept)));
}

Result<std::string> decode_scan_word(std::string_view word, std::size_t most) {
  if (word == kEmpty) {
    return std::string();
  }
  if (word.empty() || word.size() > 2 * most) {
    return nonsense();
  }
  const auto bytes = from_hex(word);
  if (!bytes) {
    return nonsense();
  }
  std::string text;
  text.reserve(bytes->size());
  for (const std::byte byte : *bytes) {
    if (byte == std::byte{0}) {
      return nonsense();
    }
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

}  // namespace mosb::verity
