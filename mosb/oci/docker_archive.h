#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/docker_images.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/repository.h"
#include "mosb/oci/scratch.h"
#include "mosb/oci/tar_members.h"

namespace mosb::oci {

/// What an archive lists.
struct DockerImages {
  std::vector<DockerImage> images;
  /// Of a Docker before 1.10 (docker_legacy.h).
  bool are_legacy = false;
};

/// What `docker save`, `podman save` and `skopeo copy … docker-archive:` write, read only and
/// without unpacking it, but for one that is compressed as a whole. It has no manifests of OCI: one
/// is made for each image that is asked for, the same each time, with the archive's own
/// configuration and layers. A layer that is not compressed has its diff_id as digest, so reading
/// it checks that. An archive of a Docker before 1.10, which has no manifest.json, promises no
/// digests: of it the configuration is made, too. Spec: Docker image specification v1.2, v1.
class DockerArchive final : public Repository {
 public:
  /// One that is compressed, by gzip or zstd, lies as plain tar below `temp_parent` while in use,
  /// by default private_temp_dir(). Errors: kNotFound, kContent, kResource.
  static Result<DockerArchive> open(const std::string& file, std::string temp_parent = "");

  /// By a name of the image ("web:1.4") as tag; the only image if there is neither tag nor digest.
  /// Errors: kNotFound, kUsage for one of several, kContent for parts that are missing, are no
  /// files, or a configuration that is not what its name says.
  Result<Descriptor> resolve(const Reference& reference) override;
  Result<std::string> read_manifest(const Descriptor& descriptor) override;
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override;
  /// None: there is no place for them.
  Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                            const std::string& artifact_type) override;
  // Nothing is written to such an archive. Errors: kUsage.
  Status push_blob(const Descriptor& descriptor, const BlobSource& source) override;
  Status push_manifest(const Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override;
  Status push_referrer(const Descriptor& manifest,
                       std::string_view bytes,
                       const Descriptor& subject) override;

 private:
  DockerArchive(std::string file,
                std::optional<Scratch> scratch,
                TarMembers members,
                DockerImages images)
      : file_(std::move(file)),
        scratch_(std::move(scratch)),
        members_(std::move(members)),
        images_(std::move(images.images)),
        is_legacy_(images.are_legacy) {}
  Result<Descriptor> make_manifest(const DockerImage& image);
  Result<Descriptor> make_legacy_manifest(const DockerImage& image);
  Descriptor keep(const Manifest& manifest);
  Result<Digest> hash(const TarMembers::Member& member);
  Result<Descriptor> add_layer(const std::string& path, const Digest& diff_id);
  Result<Descriptor> find_digest(const Digest& digest);
  std::string what() const;

  std::string file_;
  /// With the plain tar, if the file is compressed.
  std::optional<Scratch> scratch_;
  TarMembers members_;
  std::vector<DockerImage> images_;
  bool is_legacy_;
  /// What was made so far.
  std::map<Digest, std::string> manifests_;
  std::map<Digest, std::string> configs_;
  std::map<Digest, TarMembers::Member> blobs_;
  /// By their places in the tar: one file may be the layer of many names.
  std::map<std::size_t, Digest> hashed_;
};

/// That nothing can be written there. kUsage.
Error docker_archive_is_only_read(const std::string& reference);

}  // namespace mosb::oci
