#include "mosb/agent/image_convert.h"

#include <map>
#include <utility>

#include "mosb/agent/layer_file.h"
#include "mosb/agent/layer_image.h"
#include "mosb/agent/ordinary_image.h"
#include "mosb/agent/tar_layer.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/index.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/scratch.h"

namespace mosb::agent {

namespace {

/// An image or index on its way.
struct Document {
  oci::Descriptor descriptor;
  std::string bytes;
};

/// Of one image, layer by layer, since each one depends on those below.
class Layers {
 public:
  Layers(oci::Repository& from,
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
    const OverlayTar tar = MOSB_TRY(write_overlay_tar(
        plain, overlay, tree_, [this](std::size_t number) { return fetch_lower(number); }));
    below_.emplace_back(layer, diff_id);
    MOSB_CHECK(sys::unlink(plain));
    MOSB_CHECK(sys::unlink(lower_tar()));
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
    return std::optional(MOSB_TRY(finish_layer(image, request_.format, request_.signer)));
  }

 private:
  /// The value is the tar's digest.
  Result<Digest> fetch_plain(const oci::Descriptor& layer, const std::string& plain) {
    const oci::FileCompression compression = MOSB_TRY(tar_compression(layer));
    if (compression == oci::FileCompression::kNone && layer.size <= kMaxUnpackedLayer.value) {
      MOSB_CHECK(fetch_to_file(from_, layer, plain));
      return layer.digest;
    }
    const std::string packed = temp_dir_ + "/packed";
    MOSB_CHECK(fetch_to_file(from_, layer, packed));
    const Digest unpacked =
        MOSB_TRY(oci::unpack_file(packed, compression, plain, kMaxUnpackedLayer));
    MOSB_CHECK(sys::unlink(packed));
    return unpacked;
  }

  std::string lower_tar() const { return temp_dir_ + "/lower.tar"; }

  /// Few images need one again: all of them together may be too large to be kept.
  Result<std::string> fetch_lower(std::size_t number) {
    const auto& [layer, diff_id] = below_[number];
    MOSB_CHECK(sys::unlink(lower_tar()));
    if (MOSB_TRY(fetch_plain(layer, lower_tar())) != diff_id) {
      return Error(Errc::kContent, "layer " + layer.digest.str() + " changed while it was read");
    }
    return lower_tar();
  }

  oci::Repository& from_;
  const ConvertRequest& request_;
  ProcessRunner& processes_;
  std::string temp_dir_;
  LayerTree tree_;
  /// The layers so far, with the digests of their plain tars.
  std::vector<std::pair<oci::Descriptor, Digest>> below_;
};

/// The upper one of two that are the same hides all of the lower one.
void add_layer(std::vector<oci::Descriptor>& layers, const oci::Descriptor& layer) {
  std::erase_if(layers, [&](const oci::Descriptor& other) { return other.digest == layer.digest; });
  layers.push_back(layer);
}

class Conversion {
 public:
  Conversion(oci::Repository& from,
             const ConvertRequest& request,
             oci::Repository& to,
             ProcessRunner& processes,
             std::string temp_dir,
             const OnLayer& on_layer)
      : from_(from),
        request_(request),
        to_(to),
        processes_(processes),
        temp_dir_(std::move(temp_dir)),
        on_layer_(on_layer) {}

  Result<ConvertedImage> run(const OrdinaryImages& found) {
    if (!found.index) {
      const Document image = MOSB_TRY(convert(found.images.front(), std::nullopt));
      MOSB_CHECK(push(image, request_.to.tag));
      return ConvertedImage{.descriptor = image.descriptor, .left_out = found.attestations};
    }
    ConvertedImage converted = MOSB_TRY(convert_index(found));
    converted.left_out = found.attestations;
    return converted;
  }

 private:
  /// Manifests go last, when nothing can be refused any more.
  Result<ConvertedImage> convert_index(const OrdinaryImages& found) {
    oci::Index index{.annotations = found.index->annotations};
    std::vector<oci::Platform> platforms;
    std::map<Digest, Document> images;
    for (const OrdinaryImage& image : found.images) {
      const oci::Platform platform = image.descriptor.platform.value_or(image.config.platform);
      auto made = images.find(image.descriptor.digest);
      if (made == images.end()) {
        Document document = MOSB_TRY(convert(image, platform).context(platform.str()));
        made = images.emplace(image.descriptor.digest, std::move(document)).first;
      }
      oci::Descriptor entry = made->second.descriptor;
      entry.platform = image.descriptor.platform;
      entry.annotations = image.descriptor.annotations;
      entry.artifact_type = image.descriptor.artifact_type;
      index.manifests.push_back(std::move(entry));
      platforms.push_back(platform);
    }
    for (const auto& [old, document] : images) {
      MOSB_CHECK(push(document, std::nullopt));
    }
    std::string bytes = index.print();
    const oci::Descriptor descriptor = oci::describe(oci::kImageIndex, bytes);
    MOSB_CHECK(push({descriptor, std::move(bytes)}, request_.to.tag));
    return ConvertedImage{.descriptor = descriptor, .platforms = std::move(platforms)};
  }

  /// Stores the new layers and configuration; the manifest is the value.
  Result<Document> convert(const OrdinaryImage& image,
                           const std::optional<oci::Platform>& platform) {
    Layers conversion(from_, request_, processes_, temp_dir_);
    const std::size_t count = image.manifest.layers.size();
    std::vector<oci::Descriptor> layers;
    for (std::size_t i = 0; i < count; ++i) {
      const oci::Descriptor& old = image.manifest.layers[i];
      on_layer_({platform, i + 1, count, old});
      const auto made =
          MOSB_TRY(oci::with_way_out(conversion.convert(old, image.config.diff_ids[i]),
                                     parent_path(temp_dir_))
                       .context("layer " + old.digest.str()));
      if (made) {
        MOSB_CHECK(push_blob(made->descriptor, oci::BlobSource::file(made->path)));
        MOSB_CHECK(sys::unlink(made->path));
        add_layer(layers, made->descriptor);
      }
    }
    if (layers.empty()) {
      return Error(Errc::kContent, "none of its layers has a file");
    }
    return finish(image, std::move(layers));
  }

  Result<Document> finish(const OrdinaryImage& image, std::vector<oci::Descriptor> layers) {
    oci::ImageConfig config = image.config;
    config.diff_ids.clear();
    for (const oci::Descriptor& layer : layers) {
      // For such a layer the uncompressed archive that OCI means is the blob itself.
      config.diff_ids.push_back(layer.digest);
    }
    const std::string text = config.print();
    const oci::Manifest manifest{.config = oci::describe(oci::kImageConfig, text),
                                 .layers = std::move(layers),
                                 .annotations = image.manifest.annotations};
    MOSB_CHECK(oci::require_image(manifest));
    MOSB_CHECK(push_blob(manifest.config, oci::BlobSource::bytes(text)));
    std::string bytes = manifest.print();
    oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
    return Document{std::move(descriptor), std::move(bytes)};
  }

  Status push_blob(const oci::Descriptor& blob, const oci::BlobSource& source) {
    return to_.push_blob(blob, source).context("store " + quote(request_.to.str()));
  }

  Status push(const Document& document, const std::optional<std::string>& tag) {
    return to_.push_manifest(document.descriptor, document.bytes, tag)
        .context("store " + quote(request_.to.str()));
  }

  oci::Repository& from_;
  const ConvertRequest& request_;
  oci::Repository& to_;
  ProcessRunner& processes_;
  std::string temp_dir_;
  const OnLayer& on_layer_;
};

}  // namespace

Result<ConvertedImage> convert_image(oci::Repository& from,
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
  const OrdinaryImages found =
      MOSB_TRY(find_ordinary_images(from, request.from, request.platforms).context(what));
  const oci::Scratch temp = MOSB_TRY(oci::Scratch::make(temp_dir));
  return Conversion(from, request, to, processes, temp.path(), on_layer).run(found).context(what);
}

}  // namespace mosb::agent
