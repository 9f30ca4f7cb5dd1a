#include "mosb/manifest/update.h"

#include <algorithm>

namespace mosb::manifest {

namespace {

const Target* find_target(const Manifest& manifest, const std::string& name) {
  const auto target = std::find_if(manifest.targets.begin(),
                                   manifest.targets.end(),
                                   [&](const Target& t) { return t.service_name == name; });
  return target == manifest.targets.end() ? nullptr : &*target;
}

const Volume* find_volume(const Manifest& manifest, const std::string& label) {
  const auto volume = std::find_if(manifest.storage.begin(),
                                   manifest.storage.end(),
                                   [&](const Volume& v) { return v.label == label; });
  return volume == manifest.storage.end() ? nullptr : &*volume;
}

/// Whether the volumes that a target mounts are the same on both sides.
bool same_volumes(const Target& target, const Manifest& a, const Manifest& b) {
  return std::all_of(target.storage.begin(), target.storage.end(), [&](const StorageMount& mount) {
    const Volume* const left = find_volume(a, mount.label);
    const Volume* const right = find_volume(b, mount.label);
    return left != nullptr && right != nullptr && *left == *right;
  });
}

}  // namespace

Update diff(const Manifest& current, const Manifest& incoming) {
  Update update;
  for (const Target& target : incoming.targets) {
    const Target* const before = find_target(current, target.service_name);
    if (before == nullptr) {
      update.added.push_back(target.service_name);
    } else if (*before == target && same_volumes(target, current, incoming)) {
      update.unchanged.push_back(target.service_name);
    } else {
      update.changed.push_back(target.service_name);
    }
  }
  for (const Target& target : current.targets) {
    if (find_target(incoming, target.service_name) == nullptr) {
      const bool complete = incoming.update_type == UpdateType::kComplete;
      (complete ? update.removed : update.kept).push_back(target.service_name);
    }
  }
  return update;
}

Manifest merge(const Manifest& current, const Manifest& incoming) {
  Manifest merged = incoming;
  if (incoming.update_type == UpdateType::kComplete) {
    return merged;
  }
  merged.version = std::max(current.version, incoming.version);
  for (const Volume& volume : current.storage) {
    if (find_volume(incoming, volume.label) == nullptr) {
      merged.storage.push_back(volume);
    }
  }
  for (const Target& target : current.targets) {
    if (find_target(incoming, target.service_name) == nullptr) {
      merged.targets.push_back(target);
    }
  }
  return merged;
}

}  // namespace mosb::manifest
