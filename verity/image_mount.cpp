#include "verity/image_mount.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "mosb/base/log.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/user_namespace.h"
#include "verity/idmap_probe.h"
#include "verity/image_facts.h"
#include "verity/image_overlay.h"
#include "verity/image_record.h"
#include "verity/layer_mount.h"
#include "verity/loop_device.h"
#include "verity/mount_garbage.h"
#include "verity/mount_plan.h"
#include "verity/mount_points.h"
#include "verity/parallel.h"

namespace mosb::verity {

namespace {

constexpr mode_t kDirMode = 0700;
constexpr unsigned kMountThreads = 4;

/// One call of mount_image().
struct Mounting {
  const ImageMount& image;
  std::vector<LayerSource> layers;
  LayerDisplay display;
  const MountEnvironment& environment;
  MountApi& api;
  /// Why the kernel mounts nothing from a device here; "" if it does.
  std::string device_obstacle;

  LayerPlace place(const LayerSource& layer) const { return place_of(environment, display, layer); }
};

/// Whether blocks of the layer failed their check in any of its places, by another verifier, too.
Result<bool> was_corrupt(const Mounting& mounting,
                         const LayerSource& layer,
                         const MountTable& table) {
  for (const LayerPlace& place : MOSB_TRY(list_places(mounting.environment, layer.root_hash))) {
    if (has_corrupt_blocks(MOSB_TRY(read_layer_facts(place, table)))) {
      return true;
    }
  }
  return false;
}

Result<std::vector<LayerStep>> plan_layers(const Mounting& mounting) {
  const MountTable table = MOSB_TRY(MountTable::read());
  std::vector<LayerStep> steps;
  for (const LayerSource& layer : mounting.layers) {
    LayerPlace place = mounting.place(layer);
    const LayerFacts facts = MOSB_TRY(read_layer_facts(place, table));
    const std::string complaint =
        complaint_of(facts, layer, mounting.display, mounting.environment);
    steps.push_back(plan_layer(layer, std::move(place), facts, complaint));
    steps.back().was_corrupt =
        steps.back().was_corrupt || MOSB_TRY(was_corrupt(mounting, layer, table));
    log::debug(to_string(steps.back()));
  }
  return steps;
}

/// The layers that are not there yet. All are checked before the first one is mounted.
Result<std::vector<CheckedLayer>> check_layers(const std::vector<LayerStep>& steps) {
  std::vector<CheckedLayer> checked;
  for (const LayerStep& step : steps) {
    if (step.action != LayerAction::kReuse) {
      checked.push_back(MOSB_TRY(check_layer(step)));
    }
  }
  return checked;
}

Status mount_layer(const Mounting& mounting, const CheckedLayer& layer) {
  const bool over_verity = mounting.display.verifier == Verifier::kDm;
  if (mounting.display.is_served(layer.step.layer.filesystem)) {
    const auto mount = over_verity ? mount_as_verity_view : mount_as_view;
    return mount(layer, mounting.display.shown_ids(), mounting.environment, mounting.api);
  }
  return over_verity ? mount_over_verity(layer, mounting.api)
                     : mount_in_kernel(layer, mounting.environment, mounting.api);
}

/// A mount waits most of its time: for its server, and for the kernel that reads through it.
Status mount_layers(const Mounting& mounting, const std::vector<CheckedLayer>& layers) {
  const bool at_once = mounting.api.takes_threads() && mounting.display.verifier == Verifier::kFuse;
  return for_each_parallel(
      layers.size(),
      [&] { return [&](std::uint64_t i) { return mount_layer(mounting, layers[i]); }; },
      at_once ? kMountThreads : 1);
}

/// What is mounted now; every layer is looked at once more before an image is made of it.
Result<ImageRecord> make_record(const Mounting& mounting) {
  const ImageMount& image = mounting.image;
  ImageRecord record{image.target,
                     {},
                     mounting.display,
                     image.write,
                     image.upper_dir,
                     image.tmpfs_size,
                     image.label,
                     sorted_mount_points(image.mount_points)};
  const MountTable table = MOSB_TRY(MountTable::read());
  for (const LayerSource& layer : mounting.layers) {
    const LayerFacts facts = MOSB_TRY(read_layer_facts(mounting.place(layer), table));
    const std::string complaint =
        complaint_of(facts, layer, mounting.display, mounting.environment);
    if (!complaint.empty()) {
      return Error(Errc::kVerity, "layer " + layer.digest.str() + " was mounted, but " + complaint);
    }
    record.layers.push_back(RecordedLayer{layer, facts.mount->device});
  }
  return record;
}

Status mount_layers_and_overlay(const Mounting& mounting, const std::vector<CheckedLayer>& layers) {
  const UniqueFd target = MOSB_TRY(open_directory(mounting.image.target));
  MOSB_CHECK(sys::mkdir(images_dir(mounting.environment), kDirMode));
  MOSB_CHECK(mount_layers(mounting, layers));
  const ImageRecord record = MOSB_TRY(make_record(mounting));
  OverlayRequest request{record, {}, target.get()};
  for (const LayerSource& layer : mounting.layers) {
    request.places.push_back(mounting.place(layer));
  }
  return mount_overlay(request, mounting.environment, mounting.api);
}

/// Takes back what mount_layers_and_overlay() made before it failed.
void undo(const Mounting& mounting) {
  const auto table = MountTable::read();
  if (table) {
    const auto live = find_live_image(mounting.environment, mounting.image.target, *table);
    if (live && *live) {
      (void)mounting.api.unmount(mounting.image.target, Unmount::kDetach);
    }
  }
  const Status removed = remove_unused(mounting.environment, mounting.api);
  if (!removed) {
    log::debug("clean up after a failed mount: " + removed.error().message());
  }
}

Result<TargetAction> decide(const ImageMount& image, const MountEnvironment& environment) {
  const MountTable table = MOSB_TRY(MountTable::read());
  const auto live = MOSB_TRY(find_live_image(environment, image.target, table));
  const MountEntry* top = table.top_at(image.target);
  if (!live && top != nullptr && top->source.starts_with(source_prefix(environment))) {
    return Error(Errc::kBusy, "an image without a record is mounted at " + quote(image.target))
        .with_hint("unmount it first");
  }
  const bool healthy = live && MOSB_TRY(has_healthy_layers(live->record, environment, table));
  return plan_target(image, live, healthy, overlay_marks(environment));
}

std::string find_device_obstacle(const MountEnvironment& environment) {
  return environment.in_user_namespace ? "in a user namespace nothing is mounted from devices"
                                       : loop_obstacle();
}

/// What would otherwise fail only when half of the work is done.
Result<Verifier> choose_verifier(Verifier wanted, const std::string& device_obstacle) {
  const std::string obstacle = wanted == Verifier::kFuse ? ""
                               : device_obstacle.empty() ? verity_obstacle()
                                                         : device_obstacle;
  if (wanted == Verifier::kDm && !obstacle.empty()) {
    return Error(Errc::kHost, "the dm verifier does not work here: " + obstacle)
        .with_hint("the verifier fuse checks every block as well");
  }
  if (wanted != Verifier::kFuse && obstacle.empty()) {
    return Verifier::kDm;
  }
  MOSB_TRY(open_fuse());
  return Verifier::kFuse;
}

/// What to give to the kernel with each layer.
Result<std::vector<LayerSource>> choose_signatures(std::vector<LayerSource> layers,
                                                   RootHashSignatures wanted,
                                                   Verifier verifier) {
  layers = MOSB_TRY(
      settle_signatures(std::move(layers), wanted, requires_signed_root_hashes(), verifier));
  const bool any = std::ranges::any_of(
      layers, [](const LayerSource& layer) { return layer.signature.has_value(); });
  if (any && !checks_signed_root_hashes()) {
    return Error(Errc::kHost,
                 "root hashes shall be checked by their signatures (policy.root_hash_signature), "
                 "which this kernel cannot do (CONFIG_DM_VERITY_VERIFY_ROOTHASH_SIG)")
        .with_hint("set policy.root_hash_signature in mosb.yaml to if-demanded");
  }
  return layers;
}

bool has_layer_of(const std::vector<LayerSource>& layers, Filesystem filesystem) {
  return std::ranges::any_of(
      layers, [&](const LayerSource& layer) { return layer.filesystem == filesystem; });
}

/// Nobody but the kernel shows erofs: it takes id maps since Linux 5.19.
Status require_erofs_idmap(const MountEnvironment& environment, MountApi& api) {
  const std::string obstacle = environment.force_userspace_view
                                   ? "a server shall shift the ids, and there is none for erofs"
                                   : MOSB_TRY(find_idmap_obstacle(Filesystem::kErofs, api));
  return obstacle.empty()
             ? ok()
             : Status(Error(Errc::kHost, "the ids of erofs layers cannot be shifted: " + obstacle)
                          .with_hint("build the image with squashfs layers"));
}

Status require_ids(const Mounting& mounting) {
  const auto& range = mounting.image.idmap;
  if (!range || !mounting.environment.in_user_namespace ||
      MOSB_TRY(has_ids(range->host_base, range->count))) {
    return ok();
  }
  return Error(Errc::kHost,
               "this user namespace has not all of the ids from " +
                   std::to_string(range->host_base) + " on")
      .with_hint("leave --idmap away, or map " + std::to_string(range->count) +
                 " ids into the namespace (newuidmap)");
}

/// Where nothing is mounted from devices, servers show every layer.
Result<LayerDisplay> choose_served_display(const Mounting& mounting) {
  if (has_layer_of(mounting.layers, Filesystem::kErofs)) {
    return Error(Errc::kHost, "erofs layers cannot be mounted: " + mounting.device_obstacle)
        .with_hint("build the image with squashfs layers, which a server can show");
  }
  MOSB_CHECK(require_ids(mounting));
  return LayerDisplay{mounting.image.idmap, true, Verifier::kFuse};
}

/// Squashfs takes id maps since Linux 6.2; before that, servers shift the ids.
Result<LayerDisplay> choose_display(const Mounting& mounting, Verifier verifier) {
  if (!mounting.device_obstacle.empty()) {
    return choose_served_display(mounting);
  }
  const MountEnvironment& environment = mounting.environment;
  LayerDisplay display{mounting.image.idmap, false, verifier};
  if (!display.idmap) {
    return display;
  }
  if (has_layer_of(mounting.layers, Filesystem::kErofs)) {
    MOSB_CHECK(require_erofs_idmap(environment, mounting.api));
  }
  if (!has_layer_of(mounting.layers, Filesystem::kSquashfs)) {
    return display;
  }
  const std::string obstacle =
      environment.force_userspace_view
          ? "a server shall shift the ids"
          : MOSB_TRY(find_idmap_obstacle(Filesystem::kSquashfs, mounting.api));
  if (obstacle.empty()) {
    return display;
  }
  MOSB_TRY(open_fuse());
  display.userspace_view = true;
  return display;
}

}  // namespace

Status mount_resolved(const ImageMount& image, const MountEnvironment& environment, MountApi& api) {
  std::vector<LayerSource> layers = MOSB_TRY(layers_to_mount(image));
  MOSB_TRY(open_directory(image.target));
  const TargetAction action = MOSB_TRY(decide(image, environment));
  if (action == TargetAction::kKeep) {
    return ok();
  }
  const std::string obstacle = find_device_obstacle(environment);
  const Verifier verifier = MOSB_TRY(choose_verifier(environment.verifier, obstacle));
  layers = MOSB_TRY(choose_signatures(std::move(layers), environment.signatures, verifier));
  Mounting mounting{
      image, std::move(layers), {image.idmap, false, verifier}, environment, api, obstacle};
  // Before the kernel is asked for anything.
  std::vector<CheckedLayer> checked = MOSB_TRY(check_layers(MOSB_TRY(plan_layers(mounting))));
  mounting.display = MOSB_TRY(choose_display(mounting, verifier));
  if (mounting.display.userspace_view) {
    checked = MOSB_TRY(check_layers(MOSB_TRY(plan_layers(mounting))));
  }
  if (action == TargetAction::kReplace) {
    MOSB_CHECK(api.unmount(image.target, Unmount::kIfIdle));
  }
  Status mounted = mount_layers_and_overlay(mounting, checked);
  if (!mounted) {
    undo(mounting);
  }
  return mounted;
}

}  // namespace mosb::verity
