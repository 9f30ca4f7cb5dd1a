#pragma once

#include <optional>

#include "mosb/trust/bytes.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// The hashes that signatures and timestamps may be made with.
enum class Sha2 { k256, k384, k512 };

/// By OpenSSL's number of the hash; nullopt for every other one.
std::optional<Sha2> sha2_of_nid(int nid);
int nid_of(Sha2 hash);
Bytes hash_of(Sha2 hash, ByteView message);

}  // namespace mosb::trust
