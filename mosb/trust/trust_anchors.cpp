#include "mosb/trust/trust_anchors.h"

namespace mosb::trust {

const Result<std::vector<TrustStore>>& TrustAnchors::of(TrustStoreType type) {
  const auto found = loaded_.find(type);
  return found != loaded_.end() ? found->second : loaded_.emplace(type, load(type)).first->second;
}

Result<std::vector<TrustStore>> TrustAnchors::load(TrustStoreType type) const {
  std::vector<TrustStore> stores;
  for (const TrustStoreName& name : statement_.trust_stores) {
    if (name.type == type) {
      stores.push_back(MOSB_TRY(config_.store(name)));
    }
  }
  return stores;
}

}  // namespace mosb::trust
