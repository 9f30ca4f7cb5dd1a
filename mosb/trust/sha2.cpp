#include "mosb/trust/sha2.h"

#include <openssl/evp.h>

namespace mosb::trust {

namespace {

const EVP_MD* method_of(Sha2 hash) {
  switch (hash) {
    case Sha2::k256:
      return EVP_sha256();
    case Sha2::k384:
      return EVP_sha384();
    case Sha2::k512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

}  // namespace

std::optional<Sha2> sha2_of_nid(int nid) {
  switch (nid) {
    case NID_sha256:
      return Sha2::k256;
    case NID_sha384:
      return Sha2::k384;
    case NID_sha512:
      return Sha2::k512;
    default:
      return std::nullopt;
  }
}

int nid_of(Sha2 hash) {
  return EVP_MD_get_type(method_of(hash));
}

Bytes hash_of(Sha2 hash, ByteView message) {
  const EVP_MD* const method = method_of(hash);
  Bytes digest(static_cast<std::size_t>(EVP_MD_get_size(method)));
  if (EVP_Digest(message.data(),
                 message.size(),
                 reinterpret_cast<unsigned char*>(digest.data()),
                 nullptr,
                 method,
                 nullptr) != 1) {
    // Equal to no digest.
    return {};
  }
  return digest;
}

}  // namespace mosb::trust
