#include "mosb/agent/layer_damage.h"

#include <algorithm>
#include <set>

#include <sys/stat.h>

#include "mosb/agent/suspects.h"
#include "mosb/base/sys.h"
#include "verity/hash_tree.h"

namespace mosb::agent {

namespace {

std::set<Digest> corrupt_where_mounted(const std::map<std::string, ServiceFacts>& facts) {
  std::set<Digest> corrupt;
  for (const auto& [name, fact] : facts) {
    for (const verity::MountState& mount : fact.mounts) {
      for (const verity::LayerState& layer : mount.layers) {
        if (layer.corrupt) {
          corrupt.insert(layer.digest);
        }
      }
    }
  }
  return corrupt;
}

}  // namespace

std::vector<oci::Descriptor> damaged_layers(const Paths& paths,
                                            const oci::Manifest& manifest,
                                            const std::vector<verity::LayerSource>& layers,
                                            const std::map<std::string, ServiceFacts>& facts,
                                            const oci::Store& store) {
  const std::set<Digest> corrupt = corrupt_where_mounted(facts);
  std::vector<oci::Descriptor> damaged;
  for (const verity::LayerSource& layer : layers) {
    if (!corrupt.contains(layer.digest) && !is_suspect(paths, layer.digest)) {
      continue;
    }
    const auto descriptor =
        std::find_if(manifest.layers.begin(), manifest.layers.end(), [&](const oci::Descriptor& d) {
          return d.digest == layer.digest;
        });
    const auto present = store.has_blob(*descriptor);
    if (present && *present && !verity::verify_layer_file(layer)) {
      damaged.push_back(*descriptor);
    }
  }
  return damaged;
}

std::string layer_fault(const oci::Descriptor& layer, const oci::Store& store) {
  const std::string what = "layer " + layer.digest.str();
  const auto st = sys::lstat(store.blob_path(layer.digest));
  if (!st) {
    return what + " is not in the store";
  }
  if (!S_ISREG(st->st_mode)) {
    return what + " is no regular file in the store";
  }
  return what + " is damaged in the store: it has " + std::to_string(st->st_size) +
         " bytes instead of " + std::to_string(layer.size);
}

}  // namespace mosb::agent
