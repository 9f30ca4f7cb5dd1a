#include "verity/root_hash.h"

#include <algorithm>

#include "mosb/base/hex.h"
#include "mosb/base/text.h"

namespace mosb::verity {

Result<RootHash> RootHash::parse(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != kSha256Size) {
    return Error(Errc::kVerity,
                 "malformed root hash " + quote(text) + ": not 64 lower-case hex digits");
  }
  Sha256 value{};
  std::copy(bytes->begin(), bytes->end(), value.begin());
  return RootHash(value);
}

std::string RootHash::hex() const {
  return to_hex(bytes_);
}

}  // namespace mosb::verity
