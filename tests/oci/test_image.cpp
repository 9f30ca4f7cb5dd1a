#include "test_image.h"

#include <fstream>
#include <sstream>

#include "mosb/oci/media_types.h"

namespace mosb::oci::test {

TestImage make_image(const std::vector<std::string>& layers, const Platform& platform) {
  ImageConfig config{.platform = platform};
  config.cmd = {"/bin/true"};
  Manifest manifest{.config = describe(kImageConfig, "")};
  for (const std::string& layer : layers) {
    Descriptor descriptor = describe(kSquashfsLayer, layer);
    descriptor.annotations[kRootHash] = Digest::of(layer).hex();
    config.diff_ids.push_back(descriptor.digest);
    manifest.layers.push_back(descriptor);
  }
  manifest.config = describe(kImageConfig, config.print());
  std::string bytes = manifest.print();
  const Descriptor descriptor = describe(kImageManifest, bytes);
  return {
      .descriptor = descriptor, .manifest = manifest, .config = config, .bytes = std::move(bytes)};
}

void push_image(Repository& to,
                const TestImage& image,
                const std::vector<std::string>& layers,
                const std::optional<std::string>& tag) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    must(to.push_blob(image.manifest.layers[i], BlobSource::bytes(layers[i])));
  }
  must(to.push_blob(image.manifest.config, BlobSource::bytes(image.config.print())));
  must(to.push_manifest(image.descriptor, image.bytes, tag));
}

Descriptor push_signature(Repository& to, const Descriptor& subject, const std::string& envelope) {
  const Manifest manifest{.config = describe(kNotarySignature, "{}"),
                          .layers = {describe(kJws, envelope)},
                          .subject = bare(subject),
                          .annotations = {{kCreated, "2026-11-21T18:10:41Z"}}};
  must(to.push_blob(manifest.layers[0], BlobSource::bytes(envelope)));
  must(to.push_blob(manifest.config, BlobSource::bytes("{}")));
  const std::string bytes = manifest.print();
  const Descriptor descriptor = describe(kImageManifest, bytes);
  must(to.push_referrer(descriptor, bytes, subject));
  return descriptor;
}

std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void spit(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace mosb::oci::test
