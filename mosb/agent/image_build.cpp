#include "mosb/agent/image_build.h"

#include <algorithm>
#include <utility>

#include "mosb/agent/image_inspect.h"
#include "mosb/agent/layer_file.h"
#include "mosb/agent/layer_image.h"
#include "mosb/agent/layer_sources.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/scratch.h"

namespace mosb::agent {

namespace {

struct Image {
  oci::ImageConfig config;
  std::vector<oci::Descriptor> layers;
};

Result<LayerFile> make_layer(const BuildRequest& request,
                             ProcessRunner& processes,
                             const std::string& temp_dir) {
  const std::string path = temp_dir + "/layer";
  MOSB_CHECK(
      make_layer_image(LayerImageRequest{request.rootfs, path, request.format, request.timestamp},
                       processes,
                       temp_dir));
  return request.verity ? finish_layer(path, request.format, request.signer)
                        : finish_plain_layer(path, request.format);
}

/// Copies a layer of the base through a file, so that a registry is asked for it once only.
Status copy_layer(const oci::Descriptor& layer,
                  oci::Repository& from,
                  oci::Repository& to,
                  const std::string& temp_dir) {
  const std::string path = temp_dir + "/base-layer";
  MOSB_CHECK(fetch_to_file(from, layer, path));
  MOSB_CHECK(to.push_blob(layer, oci::BlobSource::file(path)));
  return sys::unlink(path);
}

/// A kernel that demands signatures wants one for each layer.
Status require_signatures(const std::vector<oci::Descriptor>& layers) {
  for (const oci::Descriptor& layer : layers) {
    if (!MOSB_TRY(root_hash_signature(layer))) {
      return Error(Errc::kContent,
                   "layer " + layer.digest.str() + " has no signature of its root hash")
          .with_hint("build the base with --verity-key, too, or this image without");
    }
  }
  return ok();
}

Result<Image> start_from_base(const BaseImage& base,
                              bool is_signed,
                              oci::Repository& to,
                              const std::string& temp_dir) {
  InspectedImage image = MOSB_TRY(inspect_image(base.from, base.ref));
  const std::string what = "base " + quote(base.ref.str());
  MOSB_CHECK(oci::require_mountable_image(image.manifest).context(what));
  if (!matches(image.config.platform, oci::Platform::host())) {
    return Error(Errc::kHost,
                 what + " is for " + image.config.platform.str() + ", this host is " +
                     oci::Platform::host().str());
  }
  if (image.manifest.layers.size() >= oci::kMaxLayers) {
    return Error(Errc::kContent, what + " has no room for another layer");
  }
  if (is_signed) {
    MOSB_CHECK(require_signatures(image.manifest.layers).context(what));
  }
  for (const oci::Descriptor& layer : image.manifest.layers) {
    MOSB_CHECK(copy_layer(layer, base.from, to, temp_dir).context("copy " + what));
  }
  return Image{std::move(image.config), std::move(image.manifest.layers)};
}

void set_variable(std::vector<std::string>& env, const std::string& assignment) {
  const std::string name = assignment.substr(0, assignment.find('=') + 1);
  const auto same = std::find_if(env.begin(), env.end(), [&](const std::string& variable) {
    return variable.starts_with(name);
  });
  if (same == env.end()) {
    env.push_back(assignment);
  } else {
    *same = assignment;
  }
}

/// Writes the request's settings over those of the base.
Status configure(const BuildRequest& request, oci::ImageConfig& config) {
  if (!request.entrypoint.empty()) {
    config.entrypoint = request.entrypoint;
    config.cmd.clear();
  }
  if (!request.cmd.empty()) {
    config.cmd = request.cmd;
  }
  for (const std::string& assignment : request.env) {
    if (assignment.find('=') == std::string::npos || assignment.front() == '=') {
      return Error(Errc::kUsage, "environment " + quote(assignment) + " is not NAME=value");
    }
    set_variable(config.env, assignment);
  }
  if (request.user) {
    config.user = request.user;
  }
  if (request.working_dir) {
    config.working_dir = request.working_dir;
  }
  for (const auto& [name, value] : request.labels) {
    config.labels[name] = value;
  }
  return ok();
}

Status store_image(const oci::Manifest& manifest,
                   const std::string& config,
                   const LayerFile& layer,
                   oci::Repository& to) {
  MOSB_CHECK(to.push_blob(layer.descriptor, oci::BlobSource::file(layer.path)));
  return to.push_blob(manifest.config, oci::BlobSource::bytes(config));
}

}  // namespace

Result<oci::Descriptor> build_image(const BuildRequest& request,
                                    oci::Repository& to,
                                    ProcessRunner& processes,
                                    const std::string& temp_dir) {
  if (request.tag.digest) {
    return Error(Errc::kUsage,
                 quote(request.tag.str()) + " has a digest, which follows from the image");
  }
  const oci::Scratch temp = MOSB_TRY(oci::Scratch::make(temp_dir));
  Image image{oci::ImageConfig{oci::Platform::host()}, {}};
  // Refuses a bad setting before the long work.
  MOSB_CHECK(configure(request, image.config));
  MOSB_CHECK(oci::ImageConfig::parse(image.config.print()).as(Errc::kUsage).context("settings"));
  const LayerFile layer =
      MOSB_TRY(oci::with_way_out(make_layer(request, processes, temp.path()), temp_dir));
  if (request.base) {
    image = MOSB_TRY(start_from_base(*request.base, request.signer.has_value(), to, temp.path()));
    MOSB_CHECK(configure(request, image.config));
  }
  image.layers.push_back(layer.descriptor);
  // For such a layer the uncompressed archive that OCI means is the blob itself.
  image.config.diff_ids.push_back(layer.descriptor.digest);
  const std::string config = image.config.print();
  const oci::Manifest manifest{.config = oci::describe(oci::kImageConfig, config),
                               .layers = std::move(image.layers)};
  MOSB_CHECK(
      oci::require_image(manifest).with_hint("the new layer is the same as one of the base"));
  MOSB_CHECK(store_image(manifest, config, layer, to).context("store " + quote(request.tag.str())));
  const std::string bytes = manifest.print();
  oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
  MOSB_CHECK(to.push_manifest(descriptor, bytes, request.tag.tag)
                 .context("store " + quote(request.tag.str())));
  return descriptor;
}

}  // namespace mosb::agent
