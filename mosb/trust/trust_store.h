#pragma once

#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/trust_policy.h"

namespace mosb::trust {

constexpr ByteCount kMaxTrustStoreFile{1 * kMiB};
constexpr ByteCount kMaxTrustStore{4 * kMiB};

/// The certificates of one named store. Spec: Notary Project "Trust store".
struct TrustStore {
  TrustStoreName name;
  std::vector<Certificate> certificates;

  /// Reads every file of CONFIG_DIR/truststore/x509/TYPE/NAME. The whole store is refused for one
  /// bad entry: a symlink, directory or odd file, a file that others may write to, anything that is
  /// not certificates, a certificate that must not be an anchor. Errors: kPolicy.
  static Result<TrustStore> load(const std::string& config_dir, const TrustStoreName& name);
  /// Whether there is no such store, or nothing in it, where stores of that type are. Errors:
  /// kPolicy.
  static Result<bool> is_vacant(const std::string& config_dir, const TrustStoreName& name);
  /// CONFIG_DIR/truststore/x509/TYPE/NAME.
  static std::string path(const std::string& config_dir, const TrustStoreName& name);
  /// Whether a certificate may be in a store of that type. Errors: kPolicy.
  static Status check_anchor(const Certificate& certificate, TrustStoreType type);

  bool contains(const Certificate& certificate) const;
};

}  // namespace mosb::trust
