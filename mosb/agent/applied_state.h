#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "mosb/agent/paths.h"
#include "mosb/agent/recheck_finding.h"
#include "mosb/base/clock.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/manifest/manifest.h"

namespace mosb::agent {

/// The image that a service was admitted with. The digest is what counts; the outcome beside it is
/// for people: every start verifies again, as of the time of the admission (recheck.h).
struct ServiceImage {
  std::string ref;
  /// The trust scope that the signatures were judged under.
  std::string scope;
  Digest digest;
  /// "verified" or "skipped".
  std::string outcome;
  std::string policy;
  /// The signing certificate's subject; "" where nothing was verified.
  std::string subject;
  /// Admitted by --insecure-skip-signature, so that later starts may do without one as well.
  bool insecure = false;
  /// The time by which its signature was judged; absent in the state of an older mosb.
  std::optional<SystemTime> admitted_at = std::nullopt;
  /// When that signature stops counting for a new admission: it, or a certificate of it, expires.
  std::optional<SystemTime> counts_until = std::nullopt;

  bool operator==(const ServiceImage&) const = default;
};

struct AppliedService {
  /// A manifest with this one target and all volumes of the manifest that it came in.
  manifest::Manifest manifest;
  ServiceImage image;
  /// Stopped by an operator: stays down until `mosb start`.
  bool stopped = false;
  /// Until the image is judged by the present time again.
  std::optional<RecheckFinding> finding = std::nullopt;

  const manifest::Target& target() const { return manifest.targets.front(); }
  /// Stopped because its image counts no more: it starts again only once that is judged otherwise.
  bool is_blocked() const { return finding && finding->kind == RecheckFinding::Kind::kRefused; }
  bool is_down() const { return stopped || is_blocked(); }
};

/// What this instance was last told to run. Survives reboots; says nothing of what does run.
struct AppliedState {
  /// Counts the changes.
  std::uint64_t generation = 0;
  std::string product;
  /// The notation configuration that the images were judged by, for starts after a reboot; "" if
  /// nothing was ever judged.
  std::string notation_config;
  std::map<std::string, AppliedService> services;
};

std::string print(const AppliedState& state);
/// Errors: kState for damage (the text carries its own digest) and for a newer mosb's format.
Result<AppliedState> parse_applied_state(std::string_view text);

/// An instance that never applied anything has an empty state. Errors: kState.
Result<AppliedState> load_applied_state(const Paths& paths);
/// Durable and atomic; counts the generation up. Writes nothing when nothing differs.
Status save_applied_state(const Paths& paths, AppliedState state);

}  // namespace mosb::agent
