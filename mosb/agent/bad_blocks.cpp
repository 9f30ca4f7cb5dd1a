#include "mosb/agent/bad_blocks.h"

#include <algorithm>
#include <chrono>

#include "mosb/base/deadline.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "verity/hash_tree.h"
#include "verity/layer_scanner.h"
#include "verity/server_state.h"

namespace mosb::agent {

namespace {

constexpr std::size_t kShown = 3;
/// Of somebody who looks; what is not found by then is left out.
constexpr std::chrono::seconds kPatience{10};

verity::LayerSource source_of(const Paths& paths, const verity::LayerState& layer) {
  return {paths.store() + "/blobs/sha256/" + layer.digest.hex(),
          layer.size,
          layer.root_hash,
          layer.digest,
          layer.filesystem};
}

void find_blocks_of(const Paths& paths, verity::LayerState& layer, const Deadline& deadline) {
  auto found = verity::find_bad_blocks(source_of(paths, layer), verity::kMaxNamedBlocks, deadline);
  if (!found) {
    layer.detail += ": " + found.error().message();
    return;
  }
  if (!found->complete && found->blocks.empty()) {
    log::debug("not all blocks of layer " + layer.digest.str() + " were read in time");
    return;
  }
  const Status noted = write_block_notes(*layer.silent_fault, found->blocks);
  if (!noted) {
    // Unmounted meanwhile.
    log::debug(noted.error().message());
  }
  add_bad_blocks(layer, std::move(found->blocks));
}

}  // namespace

void find_bad_blocks(const Paths& paths, std::vector<verity::MountState>& mounts) {
  const Deadline deadline = Deadline::in(kPatience);
  for (verity::MountState& mount : mounts) {
    for (verity::LayerState& layer : mount.layers) {
      if (layer.silent_fault) {
        find_blocks_of(paths, layer, deadline);
      }
    }
  }
}

std::vector<verity::BlockOwner> bad_block_owners(const Paths& paths,
                                                 const verity::LayerState& layer) {
  if (layer.bad_blocks.empty()) {
    return {};
  }
  auto owners = verity::locate_blocks(source_of(paths, layer),
                                      layer.bad_blocks,
                                      {.libexec_dir = libexec_dir(), .deadline = kPatience});
  if (!owners) {
    log::debug(owners.error().message());
    return {};
  }
  return *std::move(owners);
}

std::string describe_owners(const std::vector<verity::BlockOwner>& owners) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(owners.size(), kShown); ++i) {
    parts.push_back(to_string(owners[i]));
  }
  if (owners.size() > kShown) {
    parts.push_back("and " + std::to_string(owners.size() - kShown) + " more");
  }
  return join(parts, ", ");
}

void name_bad_blocks(const Paths& paths, std::vector<verity::MountState>& mounts) {
  for (verity::MountState& mount : mounts) {
    for (verity::LayerState& layer : mount.layers) {
      const std::string owners = describe_owners(bad_block_owners(paths, layer));
      if (!owners.empty()) {
        layer.detail += ": " + owners;
      }
    }
  }
}

}  // namespace mosb::agent
