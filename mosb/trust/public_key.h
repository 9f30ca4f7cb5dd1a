#pragma once

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/openssl_handles.h"
#include "mosb/trust/signature_algorithm.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// Kind and size of a key. kOther for everything that is not plain RSA with an exponent from 65537
/// up or a NIST curve given by name.
KeySpec key_spec_of(EVP_PKEY& key);

/// Errors: kSignature.
Status verify_with_key(EVP_PKEY& key,
                       SignatureAlgorithm algorithm,
                       ByteView message,
                       ByteView signature);
/// Errors: kInternal.
Result<Bytes> sign_with_key(EVP_PKEY& key, SignatureAlgorithm algorithm, ByteView message);

}  // namespace mosb::trust
