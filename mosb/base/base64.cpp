#include "mosb/base/base64.h"

#include <cstdint>

namespace mosb {

namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::span<const std::byte> bytes, std::string_view alphabet, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const std::byte b : bytes) {
    buffer = (buffer << 8U) | std::to_integer<std::uint32_t>(b);
    for (bits += 8; bits >= 6; bits -= 6) {
      text += alphabet[(buffer >> static_cast<unsigned>(bits - 6)) & 63U];
    }
  }
  if (bits > 0) {
    text += alphabet[(buffer << static_cast<unsigned>(6 - bits)) & 63U];
  }
  while (pad && text.size() % 4 != 0) {
    text += '=';
  }
  return text;
}

Result<std::vector<std::byte>> decode(std::string_view text, std::string_view alphabet) {
  if (text.size() % 4 == 1) {
    return Error(Errc::kContent, "base64 text of impossible length");
  }
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) {
      return Error(Errc::kContent, "character outside the base64 alphabet");
    }
    buffer = (buffer << 6U) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::byte>((buffer >> static_cast<unsigned>(bits)) & 0xffU));
    }
  }
  if ((buffer & ((1U << static_cast<unsigned>(bits)) - 1U)) != 0) {
    return Error(Errc::kContent, "base64 text with unused bits set");
  }
  return bytes;
}

}  // namespace

std::string base64_encode(std::span<const std::byte> bytes) {
  return encode(bytes, kStandard, true);
}

std::string base64url_encode(std::span<const std::byte> bytes) {
  return encode(bytes, kUrl, false);
}

Result<std::vector<std::byte>> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return Error(Errc::kContent, "base64 text without its padding");
  }
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) {
    text.remove_suffix(1);
  }
  return decode(text, kStandard);
}

Result<std::vector<std::byte>> base64url_decode(std::string_view text) {
  return decode(text, kUrl);
}

}  // namespace mosb
