#pragma once

#include <string>

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/private_key.h"
#include "verity/root_hash.h"
#include "verity/root_hash_signature.h"

namespace mosb::agent {

/// A publisher's key for the signatures that a kernel checks by its own keyrings. The same root
/// hash gets the same signature each time.
class RootHashSigner {
 public:
  /// A PEM key, RSA, in a file that nobody but its owner may read or write, and a file with its
  /// certificate, PEM or DER, the first one if there are several. Errors: kNotFound, kPolicy for
  /// the key file's mode, kContent for files that don't hold these.
  static Result<RootHashSigner> load(const std::string& key_file, const std::string& cert_file);

  /// Over the 64 lower-case hex digits, as dm-verity has it. Errors: kContent.
  Result<verity::RootHashSignature> sign(const verity::RootHash& root_hash) const;

 private:
  RootHashSigner(trust::PrivateKey key, trust::Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}

  trust::PrivateKey key_;
  trust::Certificate certificate_;
};

}  // namespace mosb::agent
