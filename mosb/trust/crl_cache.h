#pragma once

#include <optional>
#include <string>

#include "mosb/base/clock.h"
#include "mosb/trust/crl.h"

namespace mosb::trust {

/// A complete list and, where there is one, the newest change of it.
struct CrlBundle {
  Crl base;
  std::optional<Crl> delta;
};

/// notation's cache of CRLs: DIR/crl/HEX, by the sha256 of the URL, for the owner only. It is no
/// place of trust: what comes out of it is checked like what comes from the network, and what is
/// damaged, or cannot be read or written, is as good as absent.
class CrlCache {
 public:
  /// `dir` is notation's cache directory; "": nothing is kept.
  explicit CrlCache(std::string dir) : dir_(std::move(dir)) {}

  /// nullopt unless it is there and still counts.
  std::optional<CrlBundle> find(const std::string& url, SystemTime now) const;
  void keep(const std::string& url, const CrlBundle& bundle) const;

 private:
  std::string path_of(const std::string& url) const;

  std::string dir_;
};

}  // namespace mosb::trust
