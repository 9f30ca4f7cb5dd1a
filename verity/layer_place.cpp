#include "verity/layer_place.h"

#include "mosb/base/dir_list.h"

namespace mosb::verity {

namespace {

/// Digits of a root hash that tell cgroups apart.
constexpr std::size_t kShort = 16;

std::string cgroup_name(const MountEnvironment& environment, const RootHash& root_hash) {
  return "mosb-" + environment.instance + "/layers/" + root_hash.hex().substr(0, kShort);
}

}  // namespace

Result<std::vector<std::string>> names_in(const std::string& dir) {
  auto names = list_dir(dir);
  if (!names && names.error().code() == Errc::kNotFound) {
    return std::vector<std::string>();
  }
  return names;
}

std::string layers_dir(const MountEnvironment& environment) {
  return environment.run_dir + "/layers";
}

std::string images_dir(const MountEnvironment& environment) {
  return environment.run_dir + "/images";
}

LayerPlace kernel_place(const MountEnvironment& environment, const RootHash& root_hash) {
  return {layers_dir(environment) + "/" + root_hash.hex(), cgroup_name(environment, root_hash)};
}

LayerPlace view_place(const MountEnvironment& environment,
                      const RootHash& root_hash,
                      const IdRange& range) {
  const std::string view =
      "view-" + std::to_string(range.host_base) + "-" + std::to_string(range.count);
  return {layers_dir(environment) + "/" + root_hash.hex() + "/" + view,
          cgroup_name(environment, root_hash) + "-" + view};
}

LayerPlace place_of(const MountEnvironment& environment,
                    const LayerDisplay& display,
                    const RootHash& root_hash) {
  return display.userspace_view && display.idmap
             ? view_place(environment, root_hash, *display.idmap)
             : kernel_place(environment, root_hash);
}

std::string layer_source_name(const MountEnvironment& environment,
                              const RootHash& root_hash,
                              ByteCount size) {
  return "mosb-" + environment.instance + ":" + root_hash.hex() + ":" + std::to_string(size.value);
}

}  // namespace mosb::verity
