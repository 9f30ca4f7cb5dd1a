#include "mosb/agent/standing.h"

#include <utility>

#include "mosb/agent/recheck.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/revocation.h"

namespace mosb::agent {

namespace {

Standing accepted(ServiceImage image) {
  return {.accepted = std::move(image)};
}

Standing undetermined(Error reason) {
  return {.reason = std::move(reason)};
}

Standing refused(Error reason) {
  return {.reason = std::move(reason), .is_final = true};
}

/// A store that lost the image, or a disk that is full, say nothing about its signatures.
bool is_verdict(const Error& error) {
  return error.code() == Errc::kSignature || error.code() == Errc::kPolicy;
}

/// Half a configuration, as an editor may leave it for a moment, would refuse everything.
Status check_configuration(const TrustContext& trust, const std::string& scope) {
  return MOSB_TRY(trust::NotationConfig::open(trust.notation_config_dir)).check_readable(scope);
}

}  // namespace

Standing standing_of(const ServiceImage& image, oci::Store& store, const TrustContext& trust) {
  auto now = readmit_image(image, store, trust, Recheck::kStart);
  if (now) {
    return accepted(std::move(now->image));
  }
  if (!is_verdict(now.error())) {
    return undetermined(now.error());
  }
  if (const Status readable = check_configuration(trust, image.scope); !readable) {
    return undetermined(readable.error());
  }
  if (trust.revocation == nullptr) {
    return undetermined(now.error());
  }
  trust::RevocationSources best = *trust.revocation;
  best.silence_passes = true;
  const TrustContext at_best{trust.notation_config_dir, trust.clock, &best};
  const auto whatever = readmit_image(image, store, at_best, Recheck::kStart);
  const bool is_final = !whatever && is_verdict(whatever.error());
  return is_final ? refused(whatever.error()) : undetermined(now.error());
}

}  // namespace mosb::agent
