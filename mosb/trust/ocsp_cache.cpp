#include "mosb/trust/ocsp_cache.h"

#include <utility>

namespace mosb::trust {

// A request names the issuer by SHA-1 only.
std::string OcspCache::key_of(const std::string& request, const Certificate& issuer) {
  return issuer.thumbprint().hex() + request;
}

std::optional<std::string> OcspCache::find(const std::string& request,
                                           const Certificate& issuer) const {
  const std::lock_guard lock(mutex_);
  const auto found = responses_.find(key_of(request, issuer));
  return found == responses_.end() ? std::nullopt : std::optional(found->second);
}

void OcspCache::keep(const std::string& request,
                     const Certificate& issuer,
                     std::string_view response) {
  const std::lock_guard lock(mutex_);
  std::string key = key_of(request, issuer);
  if (responses_.size() < kMost || responses_.contains(key)) {
    responses_.insert_or_assign(std::move(key), std::string(response));
  }
}

}  // namespace mosb::trust
