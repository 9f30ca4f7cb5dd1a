#include "mosb/agent/ordinary_image.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/media_types.h"

namespace mosb::agent {

namespace {

constexpr std::array<std::pair<std::string_view, oci::FileCompression>, 4> kTarLayers{
    {{oci::kTarLayer, oci::FileCompression::kNone},
     {oci::kGzipTarLayer, oci::FileCompression::kGzip},
     {oci::kZstdTarLayer, oci::FileCompression::kZstd},
     {oci::kDockerGzipTarLayer, oci::FileCompression::kGzip}}};

/// Buildkit's mark of a manifest that says something about another one of the index; its platform
/// is unknown/unknown, so that nobody takes it for an image.
constexpr char kAttestation[] = "vnd.docker.reference.type";
constexpr char kUnknown[] = "unknown";

bool is_attestation(const oci::Descriptor& entry) {
  return entry.annotations.contains(kAttestation) && entry.platform &&
         entry.platform->os == kUnknown && entry.platform->architecture == kUnknown;
}

Result<OrdinaryImage> read_image(oci::Repository& from, const oci::Descriptor& descriptor) {
  if (!oci::is_manifest_type(descriptor.media_type)) {
    return Error(Errc::kContent,
                 descriptor.digest.str() + " is of type " + quote(descriptor.media_type) +
                     ", which is no image");
  }
  const std::string bytes = MOSB_TRY(from.read_manifest(oci::bare(descriptor)));
  oci::Manifest manifest = MOSB_TRY(oci::Manifest::parse(bytes, descriptor.media_type));
  oci::ImageConfig config = MOSB_TRY(
      oci::ImageConfig::parse(MOSB_TRY(from.read_blob(manifest.config, oci::kMaxConfigSize))));
  if (manifest.layers.empty() || manifest.layers.size() > oci::kMaxLayers) {
    return Error(Errc::kContent, "it has " + std::to_string(manifest.layers.size()) + " layers");
  }
  MOSB_CHECK(oci::require_config_of(config, manifest, descriptor));
  for (const oci::Descriptor& layer : manifest.layers) {
    MOSB_TRY(tar_compression(layer).context("layer " + layer.digest.str()));
  }
  return OrdinaryImage{descriptor, std::move(manifest), std::move(config)};
}

/// Puts the entries of indexes in the places of these. Errors: kContent for indexes in these, and
/// for too many entries.
Status put_listed(oci::Repository& from, oci::Index& index) {
  std::vector<oci::Descriptor> entries;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!oci::is_index_type(entry.media_type)) {
      entries.push_back(entry);
      continue;
    }
    const std::string what = "index " + entry.digest.str();
    const std::string bytes = MOSB_TRY(from.read_manifest(oci::bare(entry)).context(what));
    const oci::Index inner = MOSB_TRY(oci::Index::parse(bytes, entry.media_type).context(what));
    for (const oci::Descriptor& listed : inner.manifests) {
      if (oci::is_index_type(listed.media_type)) {
        return Error(Errc::kContent, what + ": indexes are nested too deeply");
      }
      entries.push_back(listed);
    }
    if (entries.size() > oci::kMaxIndexEntries) {
      return Error(Errc::kContent,
                   "the index lists more than " + std::to_string(oci::kMaxIndexEntries) +
                       " entries, with those of its indexes");
    }
  }
  index.manifests = std::move(entries);
  return ok();
}

/// Takes attestations out of the index.
std::vector<Digest> take_attestations(oci::Index& index) {
  std::vector<Digest> taken;
  std::erase_if(index.manifests, [&](const oci::Descriptor& entry) {
    if (is_attestation(entry)) {
      taken.push_back(entry.digest);
    }
    return is_attestation(entry);
  });
  return taken;
}

/// Leaves what was asked for in the index.
Status keep_platforms(oci::Index& index, const std::vector<oci::Platform>& platforms) {
  std::set<Digest> wanted;
  for (const oci::Platform& platform : platforms) {
    auto chosen = choose_platform(index, platform);
    if (!chosen) {
      // Two for one platform may well be right: arm is v6 and v7.
      return chosen.error().code() == Errc::kContent ? std::move(chosen).error().as(Errc::kUsage)
                                                     : std::move(chosen).error();
    }
    wanted.insert(chosen->digest);
  }
  std::erase_if(index.manifests,
                [&](const oci::Descriptor& entry) { return !wanted.contains(entry.digest); });
  return ok();
}

Result<OrdinaryImages> read_index(oci::Repository& from,
                                  oci::Index index,
                                  const std::vector<oci::Platform>& platforms) {
  MOSB_CHECK(put_listed(from, index));
  OrdinaryImages found{.attestations = take_attestations(index)};
  if (!platforms.empty()) {
    MOSB_CHECK(keep_platforms(index, platforms));
  }
  if (index.manifests.empty() || index.manifests.size() > kMaxOrdinaryImages) {
    return Error(Errc::kContent,
                 "the index has " + std::to_string(index.manifests.size()) + " images, not 1 to " +
                     std::to_string(kMaxOrdinaryImages));
  }
  for (const oci::Descriptor& entry : index.manifests) {
    found.images.push_back(
        MOSB_TRY(read_image(from, entry)
                     .context(entry.platform ? entry.platform->str() : entry.digest.str())));
  }
  if (platforms.size() == 1) {
    found.images.resize(1, found.images.front());
    return found;
  }
  found.index = std::move(index);
  return found;
}

Result<OrdinaryImages> read_one(oci::Repository& from,
                                const oci::Descriptor& named,
                                const std::vector<oci::Platform>& platforms) {
  OrdinaryImage image = MOSB_TRY(read_image(from, named));
  for (const oci::Platform& platform : platforms) {
    if (!matches(image.config.platform, platform)) {
      return Error(
          Errc::kHost,
          "the image is for " + image.config.platform.str() + ", not for " + platform.str());
    }
  }
  return OrdinaryImages{.images = {std::move(image)}};
}

}  // namespace

Result<oci::FileCompression> tar_compression(const oci::Descriptor& layer) {
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

Result<OrdinaryImages> find_ordinary_images(oci::Repository& from,
                                            const oci::Reference& ref,
                                            const std::vector<oci::Platform>& platforms) {
  const oci::Descriptor named = MOSB_TRY(from.resolve(ref));
  if (!oci::is_index_type(named.media_type)) {
    return read_one(from, named, platforms);
  }
  const std::string bytes = MOSB_TRY(from.read_manifest(named));
  return read_index(from, MOSB_TRY(oci::Index::parse(bytes, named.media_type)), platforms);
}

}  // namespace mosb::agent
