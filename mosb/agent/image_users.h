#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"
#include "mosb/oci/store_contents.h"

namespace mosb::agent {

/// Somebody who relies on an image in the store: an applied service, also while it is stopped, or
/// something that is mounted, for a service or by `mosb mount`.
struct ImageUser {
  /// "service web", "mount /mnt/x".
  std::string name;
  /// What ends it.
  std::string release;
  /// nullopt for a mount of which no record tells which image it is.
  std::optional<Digest> manifest = std::nullopt;
  /// The trust scope of an applied service; "" for a mount, which has none any more.
  std::string scope = {};
  /// Of a mount.
  std::vector<Digest> layers = {};
};

/// All of them, from the applied state and the kernel's mounts. `records` are the store's.
/// Manifests are read for mounts only. Errors: kState.
Result<std::vector<ImageUser>> image_users(const Paths& paths,
                                           oci::Store& store,
                                           const std::vector<oci::StoredImage>& records);

/// Those who rely on this record, without those named already. Pure.
std::vector<ImageUser> users_of(const oci::StoredImage& image, const std::vector<ImageUser>& users);
/// Their names.
std::vector<std::string> names_of(const std::vector<ImageUser>& users);
/// What they need of the store. Pure.
oci::StorePins pins_of(const std::vector<ImageUser>& users);

}  // namespace mosb::agent
