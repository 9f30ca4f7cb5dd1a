#include "mosb/oci/root_hash.h"

#include "mosb/base/digest.h"
#include "mosb/base/hex.h"
#include "mosb/base/text.h"
#include "mosb/oci/media_types.h"

namespace mosb::oci {

Result<std::string> root_hash_annotation(const Descriptor& layer) {
  const std::string what = "layer " + layer.digest.str();
  const auto now = layer.annotations.find(kRootHash);
  const auto old = layer.annotations.find(kRootHashOld);
  const auto none = layer.annotations.end();
  if (now == none && old == none) {
    return Error(Errc::kVerity, what + " has no verity root hash")
        .with_hint(std::string("its descriptor needs the annotation ") + kRootHash +
                   ", which 'mosb image build' writes");
  }
  if (now != none && old != none && now->second != old->second) {
    return Error(Errc::kVerity, what + " has two verity root hashes that differ");
  }
  const std::string& text = now != none ? now->second : old->second;
  if (text.size() != 2 * kSha256Size || !from_hex(text)) {
    return Error(Errc::kVerity, what + " has a malformed verity root hash " + quote(text));
  }
  return text;
}

}  // namespace mosb::oci
