#pragma once

#include <string>
#include <vector>

#include "mosb/manifest/manifest.h"

namespace mosb::manifest {

/// How the services of a machine change when a manifest is applied, each list in the order of the
/// manifest that names them.
struct Update {
  std::vector<std::string> added;
  /// Named by both, with a different target or volume behind the name.
  std::vector<std::string> changed;
  std::vector<std::string> unchanged;
  /// Not listed any more by a complete manifest.
  std::vector<std::string> removed;
  /// Not listed by a partial manifest.
  std::vector<std::string> kept;
  bool operator==(const Update&) const = default;
};

/// Compares by service name. Pure.
Update diff(const Manifest& current, const Manifest& incoming);

/// What the machine is to run once `incoming` is applied over `current`: a complete manifest takes
/// the place of everything, a partial one of the services and volumes that it names. The result
/// has the product, release and expiry of `incoming`, and the higher of the two versions.
Manifest merge(const Manifest& current, const Manifest& incoming);

}  // namespace mosb::manifest
