#include "verity/root_hash_signature.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "mosb/base/base64.h"

namespace mosb::verity {

namespace {

constexpr std::byte kSequence{0x30};
constexpr std::byte kLongLength{0x80};
/// The object identifier 1.2.840.113549.1.7.2, signedData.
constexpr std::array<unsigned char, 11> kSignedData{
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02};

/// What follows the header of a SEQUENCE that is all of the bytes; nullopt if they are none. Its
/// length has to be in the shortest form, as DER wants it.
std::optional<std::span<const std::byte>> sequence_content(std::span<const std::byte> der) {
  constexpr std::size_t kHeader = 2;
  constexpr std::size_t kMostLengthBytes = 2;
  if (der.size() < kHeader || der[0] != kSequence) {
    return std::nullopt;
  }
  auto length = std::to_integer<std::size_t>(der[1]);
  std::size_t header = kHeader;
  if ((der[1] & kLongLength) != std::byte{0}) {
    const auto bytes = std::to_integer<std::size_t>(der[1] & ~kLongLength);
    if (bytes == 0 || bytes > kMostLengthBytes || der.size() < kHeader + bytes) {
      return std::nullopt;
    }
    length = 0;
    for (const std::byte byte : der.subspan(kHeader, bytes)) {
      length = length << 8U | std::to_integer<std::size_t>(byte);
    }
    if (length < (bytes == 1 ? 0x80U : 0x100U)) {
      return std::nullopt;
    }
    header += bytes;
  }
  return der.size() - header == length ? std::optional(der.subspan(header)) : std::nullopt;
}

bool is_signed_data(std::span<const std::byte> der) {
  const auto content = sequence_content(der);
  return content && content->size() > kSignedData.size() &&
         std::equal(kSignedData.begin(),
                    kSignedData.end(),
                    content->begin(),
                    [](unsigned char a, std::byte b) { return std::byte{a} == b; });
}

}  // namespace

Result<RootHashSignature> RootHashSignature::parse(std::string_view text) {
  // Before it is decoded.
  if (text.size() > (kMaxRootHashSignature.value + 2) / 3 * 4) {
    return Error(Errc::kVerity,
                 "the signature of its root hash has more than " +
                     std::to_string(kMaxRootHashSignature.value) + " bytes");
  }
  return from_der(
      MOSB_TRY(base64_decode(text).as(Errc::kVerity).context("the signature of its root hash")));
}

Result<RootHashSignature> RootHashSignature::from_der(std::vector<std::byte> der) {
  if (der.size() > kMaxRootHashSignature.value || !is_signed_data(der)) {
    return Error(Errc::kVerity,
                 "the signature of its root hash is no PKCS #7 signature in DER of at most " +
                     std::to_string(kMaxRootHashSignature.value) + " bytes");
  }
  return RootHashSignature(std::move(der));
}

std::string RootHashSignature::base64() const {
  return base64_encode(der_);
}

}  // namespace mosb::verity
