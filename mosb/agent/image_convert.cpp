#include "mosb/agent/image_convert.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "mosb/agent/image_inspect.h"
#include "mosb/agent/layer_file.h"
#include "mosb/agent/layer_image.h"
#include "mosb/agent/tar_layer.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/scratch.h"

namespace mosb::agent {

namespace {

// Spec: OCI image 1.1 §Layer Media Types; Docker image manifest v2, schema 2.
constexpr std::array<std::pair<std::string_view, TarCompression>, 4> kTarLayers{
    {{oci::kTarLayer, TarCompression::kNone},
     {oci::kGzipTarLayer, TarCompression::kGzip},
     {oci::kZstdTarLayer, TarCompression::kZstd},
     {oci::kDockerGzipTarLayer, TarCompression::kGzip}}};

struct OrdinaryImage {
  oci::Manifest manifest;
  oci::ImageConfig config;
};

Result<TarCompression> compression_of(const oci::Descriptor& layer) {
  for (const auto& [type, compression] : kTarLayers) {
    if (layer.media_type == type) {
      return compression;
    }
  }
  Error error(Errc::kContent, "it is of type " + quote(layer.media_type) + ", which is no tar");
  return oci::layer_filesystem(layer.media_type)
             ? std::move(error).with_hint(
                   "an image that has verified layers already is copied: "
                   "mosb image copy")
             : error;
}

/// Not inspect_image(): ordinary images may have a layer twice.
Result<OrdinaryImage> look(oci::Repository& from, const oci::Reference& ref) {
  const oci::Descriptor descriptor = MOSB_TRY(choose_image(from, ref)).manifest;
  const std::string bytes = MOSB_TRY(from.read_manifest(descriptor));
  oci::Manifest manifest = MOSB_TRY(oci::Manifest::parse(bytes, descriptor.media_type));
  oci::ImageConfig config = MOSB_TRY(
      oci::ImageConfig::parse(MOSB_TRY(from.read_blob(manifest.config, oci::kMaxConfigSize))));
  if (manifest.layers.empty() || manifest.layers.size() > oci::kMaxLayers ||
      manifest.layers.size() != config.diff_ids.size()) {
    return Error(Errc::kContent,
                 "it has " + std::to_string(manifest.layers.size()) +
                     " layers, and its configuration names " +
                     std::to_string(config.diff_ids.size()));
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    MOSB_TRY(compression_of(layer).context("layer " + layer.digest.str()));
  }
  return OrdinaryImage{std::move(manifest), std::move(config)};
}

class Conversion {
 public:
  Conversion(oci::Repository& from,
             const ConvertRequest& request,
             ProcessRunner& processes,
             std::string temp_dir)
      : from_(from), request_(request), processes_(processes), temp_dir_(std::move(temp_dir)) {}

  /// nullopt for a layer that changes nothing.
  Result<std::optional<LayerFile>> convert(const oci::Descriptor& layer, const Digest& diff_id) {
    const std::string plain = temp_dir_ + "/plain.tar";
    const std::string overlay = temp_dir_ + "/overlay.tar";
    const Digest unpacked = MOSB_TRY(fetch_plain(layer, plain));
    if (unpacked != diff_id) {
      return Error(
          Errc::kContent,
          "it unpacks to " + unpacked.str() + ", and the configuration says " + diff_id.str());
    }
    const OverlayTar tar = MOSB_TRY(write_overlay_tar(plain, overlay, tree_));
    MOSB_CHECK(sys::unlink(plain));
    if (tar.entries == 0) {
      MOSB_CHECK(sys::unlink(overlay));
      return std::optional<LayerFile>();
    }
    const std::string image = temp_dir_ + "/layer";
    MOSB_CHECK(make_layer_image_of_tar(
        LayerImageRequest{overlay, image, request_.format, request_.timestamp},
        tar.root,
        processes_,
        temp_dir_));
    MOSB_CHECK(sys::unlink(overlay));
    return std::optional(MOSB_TRY(finish_layer(image, request_.format, WithHashTree::kYes)));
  }

 private:
  /// The value is the tar's digest.
  Result<Digest> fetch_plain(const oci::Descriptor& layer, const std::string& plain) {
    const TarCompression compression = MOSB_TRY(compression_of(layer));
    if (compression == TarCompression::kNone && layer.size <= kMaxUnpackedLayer.value) {
      MOSB_CHECK(fetch_to_file(from_, layer, plain));
      return layer.digest;
    }
    const std::string packed = temp_dir_ + "/packed";
    MOSB_CHECK(fetch_to_file(from_, layer, packed));
    const Digest unpacked = MOSB_TRY(unpack_tar_layer(packed, compression, plain));
    MOSB_CHECK(sys::unlink(packed));
    return unpacked;
  }

  oci::Repository& from_;
  const ConvertRequest& request_;
  ProcessRunner& processes_;
  std::string temp_dir_;
  LayerTree tree_;
};

/// A layer takes up its place three times over while it is converted.
Result<std::optional<LayerFile>> with_way_out(Result<std::optional<LayerFile>> made,
                                              const std::string& temp_dir) {
  return made || made.error().code() != Errc::kResource
             ? std::move(made)
             : std::move(made).with_hint("make room in " + quote(temp_dir) +
                                         ", or name another folder in TMPDIR");
}

/// The upper one of two that are the same hides all of the lower one.
void add_layer(std::vector<oci::Descriptor>& layers, const oci::Descriptor& layer) {
  std::erase_if(layers, [&](const oci::Descriptor& other) { return other.digest == layer.digest; });
  layers.push_back(layer);
}

Result<oci::Descriptor> store(OrdinaryImage image,
                              std::vector<oci::Descriptor> layers,
                              const oci::Reference& ref,
                              oci::Repository& to) {
  image.config.diff_ids.clear();
  for (const oci::Descriptor& layer : layers) {
    // For such a layer the uncompressed archive that OCI means is the blob itself.
    image.config.diff_ids.push_back(layer.digest);
  }
  const std::string config = image.config.print();
  const oci::Manifest manifest{.config = oci::describe(oci::kImageConfig, config),
                               .layers = std::move(layers),
                               .annotations = std::move(image.manifest.annotations)};
  MOSB_CHECK(oci::require_image(manifest));
  MOSB_CHECK(to.push_blob(manifest.config, oci::BlobSource::bytes(config)));
  const std::string bytes = manifest.print();
  oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
  MOSB_CHECK(to.push_manifest(descriptor, bytes, ref.tag));
  return descriptor;
}

}  // namespace

Result<oci::Descriptor> convert_image(oci::Repository& from,
                                      const ConvertRequest& request,
                                      oci::Repository& to,
                                      ProcessRunner& processes,
                                      const std::string& temp_dir,
                                      const OnLayer& on_layer) {
  if (request.to.digest) {
    return Error(Errc::kUsage,
                 quote(request.to.str()) + " has a digest, which follows from the image");
  }
  const std::string what = "convert " + quote(request.from.str());
  OrdinaryImage image = MOSB_TRY(look(from, request.from).context(what));
  const oci::Scratch temp = MOSB_TRY(oci::Scratch::make(temp_dir));
  Conversion conversion(from, request, processes, temp.path());
  std::vector<oci::Descriptor> layers;
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    const oci::Descriptor& old = image.manifest.layers[i];
    on_layer(i + 1, image.manifest.layers.size(), old);
    const auto made =
        MOSB_TRY(with_way_out(conversion.convert(old, image.config.diff_ids[i]), temp_dir)
                     .context("layer " + old.digest.str())
                     .context(what));
    if (made) {
      MOSB_CHECK(to.push_blob(made->descriptor, oci::BlobSource::file(made->path))
                     .context("store " + quote(request.to.str())));
      MOSB_CHECK(sys::unlink(made->path));
      add_layer(layers, made->descriptor);
    }
  }
  if (layers.empty()) {
    return Error(Errc::kContent, what + ": none of its layers has a file");
  }
  return store(std::move(image), std::move(layers), request.to, to)
      .context("store " + quote(request.to.str()));
}

}  // namespace mosb::agent
