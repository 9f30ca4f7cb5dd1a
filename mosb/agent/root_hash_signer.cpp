#include "mosb/agent/root_hash_signer.h"

#include <utility>

#include "mosb/base/digest.h"
#include "mosb/base/text.h"
#include "mosb/trust/signing_key.h"

namespace mosb::agent {

Result<RootHashSigner> RootHashSigner::load(const std::string& key_file,
                                            const std::string& cert_file) {
  trust::SigningKey key = MOSB_TRY(trust::load_signing_key(key_file, cert_file));
  RootHashSigner signer(std::move(key.key), std::move(key.chain.front()));
  // What it can't sign is refused before the long work.
  MOSB_TRY(signer.sign(verity::RootHash(Digest::of("").bytes()))
               .context("--verity-key " + quote(key_file)));
  return signer;
}

Result<verity::RootHashSignature> RootHashSigner::sign(const verity::RootHash& root_hash) const {
  return verity::RootHashSignature::from_der(
      MOSB_TRY(key_.sign_pkcs7(certificate_, root_hash.hex())));
}

}  // namespace mosb::agent
