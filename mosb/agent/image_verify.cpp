#include "mosb/agent/image_verify.h"

#include <span>
#include <utility>

#include <fcntl.h>

#include "mosb/agent/image_inspect.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/agent/layer_sources.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/refetch.h"
#include "mosb/oci/root_hash.h"
#include "mosb/oci/scratch.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/verify.h"
#include "verity/hash_tree.h"
#include "verity/root_hash.h"

namespace mosb::agent {

namespace {

/// Its digest, which the hash tree makes superfluous, is not computed, so that a bad block is named
/// instead of the whole blob.
Result<verity::LayerScan> check_file(const verity::LayerSource& layer, const LayerPolicy& policy) {
  MOSB_CHECK(verity::verify_layer_file(layer));
  return scan_anew(layer, policy);
}

Result<verity::LayerScan> check_fetched(oci::Repository& from,
                                        verity::LayerSource source,
                                        const oci::Descriptor& layer,
                                        const VerifyImageRequest& request) {
  const oci::Scratch temp = MOSB_TRY(oci::Scratch::make(request.temp_dir));
  source.blob_path = temp.path() + "/layer";
  {
    const UniqueFd file = MOSB_TRY(sys::open(source.blob_path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    MOSB_CHECK(from.fetch_blob(layer, [&](std::span<const std::byte> bytes) {
      return sys::write_all(file.get(), bytes);
    }));
  }
  return check_file(source, request.policy);
}

Result<VerifiedLayer> verify_layer(oci::Repository& from,
                                   const oci::Descriptor& layer,
                                   const VerifyImageRequest& request) {
  const std::string text = MOSB_TRY(oci::root_hash_annotation(layer));
  const verity::RootHash root_hash = MOSB_TRY(verity::RootHash::parse(text));
  // The kernel judges it when the layer is mounted, if it is asked to.
  MOSB_TRY(root_hash_signature(layer));
  verity::LayerSource source{
      "", ByteCount{layer.size}, root_hash, layer.digest, *oci::layer_filesystem(layer.media_type)};
  const auto* const layout = dynamic_cast<const oci::Layout*>(&from);
  if (layout != nullptr) {
    source.blob_path = layout->blob_path(layer.digest);
    auto scan = MOSB_TRY(check_file(source, request.policy));
    return VerifiedLayer{layer, text, std::move(scan)};
  }
  verity::LayerScan scan;
  MOSB_CHECK(oci::fetch_anew_while_wrong(from, [&]() -> Status {
    scan = MOSB_TRY(check_fetched(from, source, layer, request));
    return ok();
  }));
  return VerifiedLayer{layer, text, std::move(scan)};
}

}  // namespace

Result<VerifiedImage> verify_image(oci::Repository& from, const VerifyImageRequest& request) {
  const std::string what = "verify image " + quote(request.ref.str());
  const ChosenImage chosen = MOSB_TRY(choose_image(from, request.ref).context(what));
  const oci::Descriptor& descriptor = chosen.manifest;
  const trust::NotationConfig config =
      MOSB_TRY(trust::NotationConfig::open(request.trust.notation_config_dir));
  const trust::VerifyRequest judged{.subject = descriptor,
                                    .scope = request.scope,
                                    .metadata = {},
                                    .revocation = request.trust.revocation};
  const auto& index = request.index ? request.index : chosen.index;
  trust::AdmittedManifest admitted =
      MOSB_TRY(trust::admit_chosen(from, judged, index, config, request.trust.clock).context(what));
  MOSB_CHECK(oci::require_mountable_image(*admitted.manifest).context(what));
  VerifiedImage image{descriptor, std::move(admitted.report), {}};
  for (const oci::Descriptor& layer : admitted.manifest->layers) {
    image.layers.push_back(MOSB_TRY(
        verify_layer(from, layer, request).context(what + ": layer " + layer.digest.str())));
  }
  return image;
}

}  // namespace mosb::agent
