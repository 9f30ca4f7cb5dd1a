#include "verity/mount_garbage.h"

#include <optional>
#include <set>
#include <string>

#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "verity/image_overlay.h"
#include "verity/mount_points.h"
#include "verity/verity_device.h"

namespace mosb::verity {

namespace {

/// The directories of the places that live images use.
std::set<std::string> used_places(const MountEnvironment& environment,
                                  const std::vector<LiveImage>& images) {
  std::set<std::string> used;
  for (const LiveImage& image : images) {
    for (const RecordedLayer& recorded : image.record.layers) {
      used.insert(place_of(environment, image.record.display, recorded.layer).dir);
    }
  }
  return used;
}

/// The directories of the mount points that they use.
std::vector<std::string> used_mount_points(const MountEnvironment& environment,
                                           const std::vector<LiveImage>& images) {
  std::vector<std::string> used;
  for (const LiveImage& image : images) {
    used.push_back(
        mount_points_dir(environment, {image.record.mount_points, image.record.display.idmap}));
  }
  return used;
}

Status remove_stale_records(const MountEnvironment& environment, const MountTable& table) {
  for (const std::string& path : MOSB_TRY(list_records(environment))) {
    const auto text = read_file(path, kMaxRecord);
    if (!text || !live_image_of(environment, *text, table)) {
      MOSB_CHECK(sys::unlink(path));
    }
  }
  return remove_stale_temps(images_dir(environment));
}

/// Devices that no image is made from: made by a process that was killed before it mounted them, or
/// lost with an earlier run directory. One that is in use goes with its last user.
Status remove_lost_devices(const MountEnvironment& environment,
                           const std::vector<LiveImage>& images,
                           const MountTable& table) {
  std::set<std::string> used;
  for (const LiveImage& image : images) {
    for (const RecordedLayer& recorded : image.record.layers) {
      used.insert(recorded.device);
      const LayerPlace place = place_of(environment, image.record.display, recorded.layer);
      // The file system of a server is on no device, but its server reads from one.
      const LayerFacts facts = place.has_server() && place.has_verity()
                                   ? MOSB_TRY(read_layer_facts(place, table))
                                   : LayerFacts{};
      used.insert(facts.verity ? facts.verity->device : recorded.device);
    }
  }
  for (const NamedDevice& device : list_verity_devices(environment)) {
    if (!used.contains(device.device)) {
      MOSB_CHECK(remove_verity(device.name));
    }
  }
  return ok();
}

/// Cgroups of layers whose directories are gone; one with a process in it stays.
void remove_empty_cgroups(const MountEnvironment& environment) {
  const std::string parent = "mosb-" + environment.instance + "/layers";
  const auto layers = Cgroup::at(parent);
  if (!layers || !layers->exists()) {
    return;
  }
  const auto children = layers->children();
  if (!children) {
    return;
  }
  for (const std::string& child : *children) {
    const auto cgroup = Cgroup::at(parent + "/" + child);
    const auto processes = cgroup ? cgroup->processes() : cgroup.error();
    if (processes && processes->empty()) {
      (void)cgroup->remove();
    }
  }
}

}  // namespace

Result<std::vector<LiveImage>> live_images(const MountEnvironment& environment,
                                           const MountTable& table) {
  std::vector<LiveImage> images;
  for (const std::string& path : MOSB_TRY(list_records(environment))) {
    const auto text = read_file(path, kMaxRecord);
    auto image = text ? live_image_of(environment, *text, table) : std::nullopt;
    if (image) {
      images.push_back(*std::move(image));
    }
  }
  return images;
}

Status remove_unused(const MountEnvironment& environment, MountApi& api) {
  const MountTable table = MOSB_TRY(MountTable::read());
  MOSB_CHECK(remove_stale_records(environment, table));
  MOSB_CHECK(remove_temporary_mounts(environment, api));
  const std::vector<LiveImage> images = MOSB_TRY(live_images(environment, table));
  MOSB_CHECK(remove_mount_points(environment, used_mount_points(environment, images)));
  const std::set<std::string> used = used_places(environment, images);
  for (const LayerPlace& place : MOSB_TRY(list_places(environment))) {
    if (!used.contains(place.dir)) {
      MOSB_CHECK(remove_place(place, api));
    } else if (table.top_at(place.idmapped()) != nullptr) {
      // Left by a mount that was killed while it put its overlay together; usually there is none,
      // and then nothing is called that changes anything.
      MOSB_CHECK(api.unmount(place.idmapped(), Unmount::kDetach));
    }
  }
  remove_empty_cgroups(environment);
  return remove_lost_devices(environment, images, table);
}

}  // namespace mosb::verity
