#include "mosb/oci/docker_archive.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/docker_legacy.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/unpacked_file.h"

namespace mosb::oci {

namespace {

constexpr char kManifest[] = "manifest.json";
constexpr char kRepositories[] = "repositories";
/// What one that is compressed may unpack to.
constexpr ByteCount kMaxDockerArchive{256ULL << 30U};

/// What docker, podman and others compress layers with, if at all, by the first bytes.
/// Spec: RFC 1952 §2.3.1 (gzip), RFC 8878 §3.1.1 (zstd).
constexpr std::array<std::pair<std::string_view, const char*>, 2> kCompressed{
    {{"\x1f\x8b", kGzipTarLayer}, {"\x28\xb5\x2f\xfd", kZstdTarLayer}}};
constexpr std::size_t kMagicSize = 4;

/// The digest that a part's name promises: "HEX.json" of docker and podman, "sha256:HEX" of Go's
/// libraries, "blobs/sha256/HEX" beside an OCI layout. nullopt for a free name.
std::optional<Digest> digest_in_name(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kForms{
      {{"", ".json"}, {"sha256:", ""}, {"blobs/sha256/", ""}}};
  for (const auto& [before, after] : kForms) {
    if (path.size() > before.size() + after.size() && path.starts_with(before) &&
        path.ends_with(after)) {
      const std::string_view hex =
          path.substr(before.size(), path.size() - before.size() - after.size());
      const auto digest = Digest::parse("sha256:" + std::string(hex));
      if (digest) {
        return *digest;
      }
    }
  }
  return std::nullopt;
}

Status check_name(std::string_view path, const Digest& digest) {
  const auto promised = digest_in_name(path);
  if (promised && *promised != digest) {
    return Error(Errc::kContent, "its content has another digest, " + digest.str());
  }
  return ok();
}

Result<DockerImages> read_images(const TarMembers& members) {
  if (!members.contains(kManifest) && members.contains(kRepositories)) {
    const TarMembers::Member list = MOSB_TRY(members.find(kRepositories));
    const std::string text =
        MOSB_TRY(members.read(list, kMaxDockerManifestSize).context(kRepositories));
    return DockerImages{MOSB_TRY(parse_docker_repositories(text).context(kRepositories)), true};
  }
  if (!members.contains(kManifest)) {
    Error none(Errc::kContent, "it has no " + std::string(kManifest));
    return members.contains("oci-layout")
               ? std::move(none).with_hint("it holds an OCI layout: write oci-archive:FILE")
               : none;
  }
  const std::string text = MOSB_TRY(
      members.read(MOSB_TRY(members.find(kManifest)), kMaxDockerManifestSize).context(kManifest));
  return DockerImages{MOSB_TRY(parse_docker_images(text).context(kManifest))};
}

/// The layers of an archive of a Docker before 1.10.
struct LegacyChain {
  LegacyDockerLayer top;
  /// Top first.
  std::vector<std::string> ids;
};

Result<LegacyDockerLayer> read_legacy_layer(const TarMembers& members, const std::string& id) {
  const std::string path = legacy_json_path(id);
  const TarMembers::Member member = MOSB_TRY(members.find(path));
  const std::string text = MOSB_TRY(members.read(member, kMaxConfigSize).context(quote(path)));
  return parse_legacy_layer(text, id).context(quote(path));
}

Result<LegacyChain> read_chain(const TarMembers& members, std::string top) {
  LegacyChain chain{MOSB_TRY(read_legacy_layer(members, top)), {std::move(top)}};
  std::optional<std::string> parent = chain.top.parent;
  while (parent) {
    // Whoever goes in circles has too many.
    if (chain.ids.size() == kMaxLayers) {
      return Error(
          Errc::kContent,
          "it has more than " + std::to_string(kMaxLayers) + " layers, or they go in circles");
    }
    chain.ids.push_back(*parent);
    parent = MOSB_TRY(read_legacy_layer(members, chain.ids.back())).parent;
  }
  return chain;
}

}  // namespace

std::string DockerArchive::what() const {
  return "docker archive " + quote(file_);
}

Result<DockerArchive> DockerArchive::open(const std::string& file, std::string temp_parent) {
  const std::string what = "docker archive " + quote(file);
  std::string plain = file;
  std::optional<Scratch> scratch;
  const FileCompression compression = MOSB_TRY(find_compression(file).context(what));
  if (compression != FileCompression::kNone) {
    if (temp_parent.empty()) {
      temp_parent = MOSB_TRY(private_temp_dir().context(what));
    }
    scratch = MOSB_TRY(Scratch::make(temp_parent));
    plain = scratch->path() + "/docker.tar";
    (void)MOSB_TRY(
        with_way_out(unpack_file(file, compression, plain, kMaxDockerArchive), temp_parent)
            .context(what));
  }
  TarMembers members = MOSB_TRY(TarMembers::open(plain).context(what));
  DockerImages images = MOSB_TRY(read_images(members).context(what));
  return DockerArchive(file, std::move(scratch), std::move(members), std::move(images));
}

Result<Descriptor> DockerArchive::resolve(const Reference& reference) {
  if (reference.digest) {
    return find_digest(*reference.digest).context(what());
  }
  const std::size_t chosen = MOSB_TRY(choose_docker_image(images_, reference.tag).context(what()));
  return make_manifest(images_[chosen]).context(what());
}

Result<Descriptor> DockerArchive::find_digest(const Digest& digest) {
  for (const DockerImage& image : images_) {
    Descriptor made = MOSB_TRY(make_manifest(image));
    if (made.digest == digest) {
      return made;
    }
  }
  return Error(Errc::kNotFound, "it has no image " + digest.str());
}

Result<Descriptor> DockerArchive::make_manifest(const DockerImage& image) {
  if (is_legacy_) {
    return make_legacy_manifest(image);
  }
  const std::string of_config = "config " + quote(image.config);
  const TarMembers::Member member = MOSB_TRY(members_.find(image.config).context("config"));
  const std::string bytes = MOSB_TRY(members_.read(member, kMaxConfigSize).context(of_config));
  Manifest manifest{.config = describe(kImageConfig, bytes)};
  MOSB_CHECK(check_name(image.config, manifest.config.digest).context(of_config));
  const ImageConfig config = MOSB_TRY(ImageConfig::parse(bytes).context(of_config));
  if (config.diff_ids.size() != image.layers.size()) {
    return Error(Errc::kContent,
                 of_config + ": it has " + std::to_string(config.diff_ids.size()) +
                     " diff_ids for " + std::to_string(image.layers.size()) + " layers");
  }
  blobs_.emplace(manifest.config.digest, member);
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const std::string& path = image.layers[i];
    manifest.layers.push_back(
        MOSB_TRY(add_layer(path, config.diff_ids[i]).context("layer " + std::to_string(i + 1))));
  }
  return keep(manifest);
}

Descriptor DockerArchive::keep(const Manifest& manifest) {
  std::string printed = manifest.print();
  Descriptor descriptor = describe(kImageManifest, printed);
  manifests_.emplace(descriptor.digest, std::move(printed));
  return descriptor;
}

Result<Descriptor> DockerArchive::make_legacy_manifest(const DockerImage& image) {
  const LegacyChain chain = MOSB_TRY(read_chain(members_, legacy_layer_id(image.config)));
  Manifest manifest{.config = describe(kImageConfig, "")};
  std::vector<Digest> diff_ids;
  for (auto id = chain.ids.rbegin(); id != chain.ids.rend(); ++id) {
    const std::string path = legacy_tar_path(*id);
    diff_ids.push_back(MOSB_TRY(hash(MOSB_TRY(members_.find(path))).context(quote(path))));
    manifest.layers.push_back(MOSB_TRY(add_layer(path, diff_ids.back())));
  }
  std::string config =
      MOSB_TRY(legacy_image_config(chain.top, diff_ids).context(quote(image.config)));
  manifest.config = describe(kImageConfig, config);
  configs_.emplace(manifest.config.digest, std::move(config));
  return keep(manifest);
}

Result<Digest> DockerArchive::hash(const TarMembers::Member& member) {
  if (const auto known = hashed_.find(member.number); known != hashed_.end()) {
    return known->second;
  }
  Hasher hasher;
  MOSB_CHECK(members_.stream(member, 0, [&](std::span<const std::byte> part) {
    hasher.update(part);
    return ok();
  }));
  return hashed_.emplace(member.number, hasher.finish()).first->second;
}

Result<Descriptor> DockerArchive::add_layer(const std::string& path, const Digest& diff_id) {
  const TarMembers::Member member = MOSB_TRY(members_.find(path));
  const std::string start = MOSB_TRY(members_.read_start(member, kMagicSize).context(quote(path)));
  Descriptor layer{.media_type = kTarLayer, .digest = diff_id, .size = member.size};
  for (const auto& [magic, media_type] : kCompressed) {
    if (start.starts_with(magic)) {
      layer.media_type = media_type;
      layer.digest = MOSB_TRY(hash(member).context(quote(path)));
    }
  }
  MOSB_CHECK(check_name(path, layer.digest).context(quote(path)));
  blobs_.emplace(layer.digest, member);
  return layer;
}

Result<std::string> DockerArchive::read_manifest(const Descriptor& descriptor) {
  const auto made = manifests_.find(descriptor.digest);
  if (made == manifests_.end()) {
    return Error(Errc::kNotFound, what() + ": no manifest " + descriptor.digest.str());
  }
  MOSB_CHECK(check_content(descriptor, made->second).context(what()));
  return made->second;
}

Result<unsigned> DockerArchive::stream_blob(const Descriptor& descriptor,
                                            std::uint64_t from,
                                            const BlobSink& sink) {
  if (const auto config = configs_.find(descriptor.digest); config != configs_.end()) {
    const auto bytes = std::as_bytes(std::span(config->second));
    MOSB_CHECK(sink(bytes.subspan(std::min<std::uint64_t>(from, bytes.size()))));
    return 1U;
  }
  const auto blob = blobs_.find(descriptor.digest);
  if (blob == blobs_.end()) {
    return Error(Errc::kNotFound, what() + ": no blob " + descriptor.digest.str());
  }
  MOSB_CHECK(members_.stream(blob->second, from, sink));
  return 1U;
}

Result<std::vector<Descriptor>> DockerArchive::referrers(const Descriptor& /*subject*/,
                                                         const std::string& /*artifact_type*/) {
  return std::vector<Descriptor>();
}

Status DockerArchive::push_blob(const Descriptor& /*descriptor*/, const BlobSource& /*source*/) {
  return docker_archive_is_only_read(file_);
}

Status DockerArchive::push_manifest(const Descriptor& /*descriptor*/,
                                    std::string_view /*bytes*/,
                                    const std::optional<std::string>& /*tag*/) {
  return docker_archive_is_only_read(file_);
}

Status DockerArchive::push_referrer(const Descriptor& /*manifest*/,
                                    std::string_view /*bytes*/,
                                    const Descriptor& /*subject*/) {
  return docker_archive_is_only_read(file_);
}

Error docker_archive_is_only_read(const std::string& reference) {
  return Error(Errc::kUsage, quote(reference) + ": a docker archive is only read")
      .with_hint("write to oci:DIR:TAG or oci-archive:FILE:TAG");
}

}  // namespace mosb::oci
