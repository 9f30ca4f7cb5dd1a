#include "mosb/agent/suspects.h"

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "verity/hash_tree.h"

namespace mosb::agent {

namespace {

std::string mark_of(const Paths& paths, const Digest& layer) {
  return paths.suspects() + "/" + layer.hex();
}

}  // namespace

Status mark_suspect(const Paths& paths, const Digest& layer, const std::string& detail) {
  MOSB_CHECK(sys::mkdir_all(paths.suspects(), 0700));
  const std::string mark = mark_of(paths, layer);
  return path_exists(mark) ? ok() : write_file_atomic(mark, detail + "\n", 0600);
}

Status mark_suspects(const Paths& paths, const verity::MountState& mount) {
  for (const verity::LayerState& layer : mount.layers) {
    if (layer.corrupt) {
      MOSB_CHECK(mark_suspect(paths, layer.digest, layer.detail));
    }
  }
  return ok();
}

bool is_suspect(const Paths& paths, const Digest& layer) {
  return path_exists(mark_of(paths, layer));
}

Status clear_suspect(const Paths& paths, const Digest& layer) {
  return sys::unlink(mark_of(paths, layer));
}

Status check_suspect(const Paths& paths, const verity::LayerSource& layer) {
  if (!is_suspect(paths, layer.digest)) {
    return ok();
  }
  MOSB_CHECK(verity::verify_layer_file(layer)
                 .context("layer " + layer.digest.str() + " was found damaged before")
                 .with_hint("apply the manifest again to fetch it anew"));
  return clear_suspect(paths, layer.digest);
}

}  // namespace mosb::agent
