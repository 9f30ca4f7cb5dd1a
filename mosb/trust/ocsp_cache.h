#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// OCSP responses of one run, so that services signed by one chain ask about it once. They are kept
/// as they came, and whoever finds one judges it again: signature, time and what it is about. May
/// be used by several threads.
class OcspCache {
 public:
  /// What answered the same question about a certificate of the same issuer.
  std::optional<std::string> find(const std::string& request, const Certificate& issuer) const;
  /// Keeps at most kMost; beyond that, nothing more.
  void keep(const std::string& request, const Certificate& issuer, std::string_view response);

  static constexpr std::size_t kMost = 64;

 private:
  static std::string key_of(const std::string& request, const Certificate& issuer);

  mutable std::mutex mutex_;
  std::map<std::string, std::string> responses_;
};

}  // namespace mosb::trust
