#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/trust_policy.h"

namespace mosb::trust {

/// A file of a trust store, readable or not.
struct TrustStoreFile {
  TrustStoreName store;
  std::string name;
  std::vector<Certificate> certificates;
  /// Why the store cannot be used with this file in it; "" if it can.
  std::string problem;
};

/// Every file of every store below a notation configuration directory, in order.
/// Errors: kPolicy where a directory cannot be read.
Result<std::vector<TrustStoreFile>> list_trust_stores(const std::string& config_dir);

/// Copies certificate files into a store, which is made if it is missing: all of them or none. The
/// paths written are returned. Errors: kPolicy for a certificate that must not be an anchor, kUsage
/// for a file or certificate that is there already.
Result<std::vector<std::string>> add_to_trust_store(const std::string& config_dir,
                                                    const TrustStoreName& store,
                                                    const std::vector<std::string>& files);

/// Removes files from a store, or the store with everything in it if no file is named.
/// Errors: kNotFound, kUsage for a name that is a path.
Status remove_from_trust_store(const std::string& config_dir,
                               const TrustStoreName& store,
                               const std::vector<std::string>& names);

}  // namespace mosb::trust
