#include "mosb/agent/image_inspect.h"

#include <string>

#include "mosb/base/text.h"
#include "mosb/oci/index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/platform.h"

namespace mosb::agent {

Result<ChosenImage> choose_image(oci::Repository& from, const oci::Reference& ref) {
  const oci::Descriptor named = MOSB_TRY(from.resolve(ref));
  if (!oci::is_index_type(named.media_type)) {
    return ChosenImage{named, std::nullopt};
  }
  const std::string bytes = MOSB_TRY(from.read_manifest(named));
  const oci::Index index = MOSB_TRY(oci::Index::parse(bytes, named.media_type));
  return ChosenImage{oci::bare(MOSB_TRY(choose_platform(index, oci::Platform::host()))), named};
}

Result<InspectedImage> inspect_image(oci::Repository& from, const oci::Reference& ref) {
  const std::string what = "image " + quote(ref.str());
  oci::Descriptor descriptor = MOSB_TRY(choose_image(from, ref).context(what)).manifest;
  const std::string bytes = MOSB_TRY(from.read_manifest(descriptor).context(what));
  oci::Manifest manifest =
      MOSB_TRY(oci::Manifest::parse(bytes, descriptor.media_type).context(what));
  MOSB_CHECK(oci::require_image(manifest).context(what));
  const std::string text =
      MOSB_TRY(from.read_blob(manifest.config, oci::kMaxConfigSize).context(what));
  oci::ImageConfig config = MOSB_TRY(oci::ImageConfig::parse(text).context(what));
  MOSB_CHECK(oci::require_config_of(config, manifest, descriptor).context(what));
  return InspectedImage{std::move(descriptor), std::move(manifest), std::move(config)};
}

}  // namespace mosb::agent
