#include "verity/block.h"

// The one-shot EVP interface fetches and allocates per call and drags OpenSSL's providers into
// every layer server; these three functions do neither, and have the same SHA-NI code below them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace mosb::verity {

Sha256 hash_block(const Salt& salt, std::span<const std::byte> block) {
  Sha256 digest;
  SHA256_CTX context;
  // They cannot fail: the return value is a constant 1.
  (void)SHA256_Init(&context);
  (void)SHA256_Update(&context, salt.data(), salt.size());
  (void)SHA256_Update(&context, block.data(), block.size());
  // reinterpret_cast: OpenSSL wants unsigned char, which may alias anything.
  (void)SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
  return digest;
}

}  // namespace mosb::verity
