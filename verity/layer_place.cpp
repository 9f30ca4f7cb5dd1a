#include "verity/layer_place.h"

#include "mosb/base/dir_list.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/verity_device.h"

namespace mosb::verity {

namespace {

/// Digits of a root hash that tell cgroups apart.
constexpr std::size_t kShort = 16;
constexpr char kVerityDir[] = "dm";
constexpr std::string_view kVerityView = "dm-";

std::string view_name(const IdRange& range) {
  return "view-" + std::to_string(range.host_base) + "-" + std::to_string(range.count);
}

/// Of a view_name().
std::optional<IdRange> parse_view(std::string_view name) {
  constexpr std::uint64_t kMax = 0xffffffff;
  const std::vector<std::string> parts = split(name, '-');
  if (parts.size() != 3 || parts[0] != "view") {
    return std::nullopt;
  }
  const auto base = parse_uint(parts[1], 0, kMax);
  const auto count = parse_uint(parts[2], 0, kMax);
  if (!base || !count) {
    return std::nullopt;
  }
  return IdRange{static_cast<std::uint32_t>(*base), static_cast<std::uint32_t>(*count)};
}

std::string cgroup_name(const MountEnvironment& environment, const RootHash& root_hash) {
  return "mosb-" + environment.instance + "/layers/" + root_hash.hex().substr(0, kShort) +
         environment.cgroup_suffix;
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
  return {layers_dir(environment) + "/" + root_hash.hex(), cgroup_name(environment, root_hash), ""};
}

LayerPlace verity_place(const MountEnvironment& environment, const RootHash& root_hash) {
  return {layers_dir(environment) + "/" + root_hash.hex() + "/" + kVerityDir,
          "",
          verity_prefix(environment, root_hash)};
}

LayerPlace view_place(const MountEnvironment& environment,
                      const RootHash& root_hash,
                      const IdRange& range) {
  const std::string view = view_name(range);
  return {layers_dir(environment) + "/" + root_hash.hex() + "/" + view,
          cgroup_name(environment, root_hash) + "-" + view,
          ""};
}

LayerPlace verity_view_place(const MountEnvironment& environment,
                             const RootHash& root_hash,
                             const IdRange& range) {
  const std::string view = std::string(kVerityView) + view_name(range);
  return {layers_dir(environment) + "/" + root_hash.hex() + "/" + view,
          cgroup_name(environment, root_hash) + "-" + view,
          verity_prefix(environment, root_hash)};
}

Result<std::vector<LayerPlace>> list_places(const MountEnvironment& environment,
                                            const RootHash& root_hash) {
  const LayerPlace kernel = kernel_place(environment, root_hash);
  std::vector<LayerPlace> places;
  for (const std::string& name : MOSB_TRY(names_in(kernel.dir))) {
    if (name == kVerityDir) {
      places.push_back(verity_place(environment, root_hash));
    }
    if (const auto range = parse_view(name)) {
      places.push_back(view_place(environment, root_hash, *range));
    }
    const auto over_verity = name.starts_with(kVerityView)
                                 ? parse_view(std::string_view(name).substr(kVerityView.size()))
                                 : std::nullopt;
    if (over_verity) {
      places.push_back(verity_view_place(environment, root_hash, *over_verity));
    }
  }
  places.push_back(kernel);
  return places;
}

Result<std::vector<LayerPlace>> list_places(const MountEnvironment& environment) {
  std::vector<LayerPlace> places;
  for (const std::string& name : MOSB_TRY(names_in(layers_dir(environment)))) {
    const auto root_hash = RootHash::parse(name);
    if (root_hash) {
      const auto found = MOSB_TRY(list_places(environment, *root_hash));
      places.insert(places.end(), found.begin(), found.end());
    }
  }
  return places;
}

LayerPlace place_of(const MountEnvironment& environment,
                    const LayerDisplay& display,
                    const LayerSource& layer) {
  const bool over_verity = display.verifier == Verifier::kDm;
  if (display.is_served(layer.filesystem)) {
    return over_verity ? verity_view_place(environment, layer.root_hash, display.shown_ids())
                       : view_place(environment, layer.root_hash, display.shown_ids());
  }
  return over_verity ? verity_place(environment, layer.root_hash)
                     : kernel_place(environment, layer.root_hash);
}

std::string layer_source_name(const MountEnvironment& environment,
                              const RootHash& root_hash,
                              ByteCount size) {
  return "mosb-" + environment.instance + ":" + root_hash.hex() + ":" + std::to_string(size.value);
}

}  // namespace mosb::verity
