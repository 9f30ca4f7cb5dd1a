#include "mosb/trust/proven_links.h"

namespace mosb::trust {

bool ProvenLinks::contains(const Digest& certificate, const Digest& issuer) const {
  const std::lock_guard lock(mutex_);
  return links_.contains({certificate.bytes(), issuer.bytes()});
}

void ProvenLinks::add(const Digest& certificate, const Digest& issuer) {
  const std::lock_guard lock(mutex_);
  if (links_.size() < kMost) {
    links_.emplace(certificate.bytes(), issuer.bytes());
  }
}

}  // namespace mosb::trust
