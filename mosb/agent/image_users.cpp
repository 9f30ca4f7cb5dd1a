#include "mosb/agent/image_users.h"

#include <algorithm>
#include <utility>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/base/text.h"
#include "mosb/oci/manifest.h"

namespace mosb::agent {

namespace {

constexpr char kReleaseService[] = "take it out of the manifest and apply that, or use `mosb down`";

std::string service_name(const std::string& service) {
  return "service " + service;
}

std::vector<Digest> layers_of(oci::Store& store, const oci::StoredImage& image) {
  std::vector<Digest> layers;
  const auto bytes = store.repository().read_manifest(image.manifest);
  const auto manifest = bytes ? oci::Manifest::parse(*bytes, image.manifest.media_type)
                              : Result<oci::Manifest>(bytes.error());
  if (manifest) {
    for (const oci::Descriptor& layer : manifest->layers) {
      layers.push_back(layer.digest);
    }
  }
  return layers;
}

/// The image that has exactly these layers: the one that the mount is called after, unless its name
/// has come to mean another one since.
std::optional<Digest> mounted_image(oci::Store& store,
                                    const std::vector<oci::StoredImage>& records,
                                    const std::string& label,
                                    const std::vector<Digest>& layers) {
  const auto is_called_so = [&](const oci::StoredImage& image) {
    return image.ref == label || image.manifest.digest.str() == label;
  };
  for (const bool by_name : {true, false}) {
    for (const oci::StoredImage& image : records) {
      if (is_called_so(image) == by_name && layers_of(store, image) == layers) {
        return image.manifest.digest;
      }
    }
  }
  return std::nullopt;
}

std::vector<Digest> layers_of(const verity::MountState& mount) {
  std::vector<Digest> layers;
  for (const verity::LayerState& layer : mount.layers) {
    layers.push_back(layer.digest);
  }
  return layers;
}

}  // namespace

Result<std::vector<ImageUser>> image_users(const Paths& paths,
                                           oci::Store& store,
                                           const std::vector<oci::StoredImage>& records) {
  std::vector<ImageUser> users;
  for (const auto& [name, service] : MOSB_TRY(load_applied_state(paths)).services) {
    users.push_back({.name = service_name(name),
                     .release = kReleaseService,
                     .manifest = service.image.digest,
                     .scope = service.image.scope});
  }
  const std::string instance = MOSB_TRY(read_instance_id(paths));
  if (instance.empty()) {
    return users;
  }
  const verity::MountEnvironment environment =
      MOSB_TRY(ServiceRuntime(paths, instance).mount_environment());
  for (const verity::MountState& mount :
       MOSB_TRY(verity::list_mounts_elsewhere(environment, paths.run()))) {
    const std::vector<Digest> layers = layers_of(mount);
    users.push_back({.name = "mount " + mount.target + " in another mount namespace",
                     .release = "`mosb umount " + mount.target + "` there",
                     .manifest = mounted_image(store, records, mount.label, layers),
                     .layers = layers});
  }
  for (const verity::MountState& mount : MOSB_TRY(verity::list_mounts(environment))) {
    const std::vector<Digest> layers = layers_of(mount);
    const std::string service = service_of_mount(paths, mount.target);
    const bool by_hand = service.empty();
    users.push_back({.name = by_hand ? "mount " + mount.target : service_name(service),
                     .release = by_hand ? "`mosb umount " + mount.target + "`" : kReleaseService,
                     .manifest = mounted_image(store, records, mount.label, layers),
                     .layers = layers});
  }
  return users;
}

std::vector<ImageUser> users_of(const oci::StoredImage& image,
                                const std::vector<ImageUser>& users) {
  std::vector<ImageUser> found;
  for (const ImageUser& user : users) {
    const bool uses =
        user.manifest == image.manifest.digest && (user.scope.empty() || user.scope == image.scope);
    const bool known = std::any_of(found.begin(), found.end(), [&](const ImageUser& other) {
      return other.name == user.name;
    });
    if (uses && !known) {
      found.push_back(user);
    }
  }
  return found;
}

std::vector<std::string> names_of(const std::vector<ImageUser>& users) {
  std::vector<std::string> names;
  names.reserve(users.size());
  for (const ImageUser& user : users) {
    names.push_back(user.name);
  }
  return names;
}

oci::StorePins pins_of(const std::vector<ImageUser>& users) {
  oci::StorePins pins;
  for (const ImageUser& user : users) {
    if (user.manifest) {
      pins.manifests.insert(*user.manifest);
    }
    pins.blobs.insert(user.layers.begin(), user.layers.end());
  }
  return pins;
}

}  // namespace mosb::agent
