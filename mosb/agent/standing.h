#pragma once

#include <optional>

#include "mosb/agent/admission.h"
#include "mosb/agent/applied_state.h"
#include "mosb/base/error.h"
#include "mosb/oci/store.h"

namespace mosb::agent {

/// What an image that was admitted before would be worth in an admission now.
struct Standing {
  /// As it is accepted; nullopt if it is not.
  std::optional<ServiceImage> accepted = std::nullopt;
  /// Why it is not.
  std::optional<Error> reason = std::nullopt;
  /// It is refused whatever the servers say that its certificates name, by a notation configuration
  /// that can be read. Otherwise the next answer may be another one.
  bool is_final = false;
};

/// Judges an image in the store by the present time and with revocation. `trust.revocation` must
/// give the same answers each time it is asked (trust::RememberingWeb).
Standing standing_of(const ServiceImage& image, oci::Store& store, const TrustContext& trust);

}  // namespace mosb::agent
