#include "mosb/agent/image_inspect.h"

#include <string>

#include "mosb/base/text.h"
#include "mosb/oci/index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/platform.h"

namespace mosb::agent {

Result<ChosenImage> choose_image(oci::Repository& from, const oci::Reference& ref) {
  ChosenImage chosen{MOSB_TRY(from.resolve(ref)), std::nullopt};
  for (int depth = 0; oci::is_index_type(chosen.manifest.media_type); ++depth) {
    const oci::Descriptor listed = chosen.manifest;
    if (depth == oci::kMaxIndexDepth) {
      return Error(Errc::kContent,
                   "index " + listed.digest.str() + ": indexes are nested too deeply");
    }
    const std::string bytes = MOSB_TRY(from.read_manifest(listed));
    const oci::Index index = MOSB_TRY(oci::Index::parse(bytes, listed.media_type));
    chosen.manifest = oci::bare(MOSB_TRY(choose_platform(index, oci::Platform::host())));
    if (!chosen.index) {
      chosen.index = listed;
    }
  }
  return chosen;
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
