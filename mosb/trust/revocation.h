#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/web.h"

namespace mosb::trust {

class OcspCache;

/// Who can be asked whether a certificate is revoked.
struct RevocationSources {
  Web* web;
  /// notation's cache directory, in which CRLs are kept; "": they are not.
  std::string cache_dir;
  /// It was found out before: nobody is asked, and every certificate passes.
  bool is_settled = false;
  /// What responders said in this run; nullptr: it is not kept.
  OcspCache* ocsp_cache = nullptr;
  /// What cannot be found out passes: whoever is refused then, would be whatever servers answered.
  bool silence_passes = false;
};

/// Where notation keeps its cache: $NOTATION_CACHE, else $XDG_CACHE_HOME/notation, else
/// .cache/notation in the home directory, $HOME or the user's; "" if there is none.
std::string default_notation_cache_dir();

struct RevocationQuestion {
  /// nullptr: nobody is asked.
  const RevocationSources* sources;
  SystemTime now;
  /// When the signature was made, where an authority vouches for it: a certificate that became
  /// invalid only later was good then.
  std::optional<SystemTime> signing_time = {};
};

/// Whether no certificate of a chain, leaf first, is revoked: by OCSP, else by CRL, as the
/// certificates say. One that names neither passes; the root is trusted by being in a store, and
/// nobody above it could revoke it. What cannot be found out fails, too. All certificates are asked
/// about at the same time.
/// Spec: Notary Project "Certificate revocation evaluation"; RFC 6960, RFC 5280 §6.3.
/// Errors: kSignature.
Status check_revocation(const std::vector<Certificate>& chain, const RevocationQuestion& question);

}  // namespace mosb::trust
