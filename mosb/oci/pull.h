#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/index.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/repository.h"
#include "mosb/oci/store.h"

namespace mosb::oci {

struct PullRequest {
  Reference ref;
  std::string scope;
  Platform platform = Platform::host();
  /// Of the image's manifest, if the caller pinned them.
  std::optional<Digest> expected_digest = std::nullopt;
  std::optional<std::uint64_t> expected_size = std::nullopt;
};

/// What is known of an image before its layers are fetched. Nothing of it has been verified yet.
struct PulledMetadata {
  /// For the platform; media type, digest and size.
  Descriptor manifest;
  Manifest parsed;
  ImageConfig config;
  /// The index that the manifest was chosen from, if the reference named one. A signature may be
  /// of either.
  std::optional<Descriptor> index = std::nullopt;
  /// Signatures that were left out because they are broken.
  std::vector<std::string> warnings = {};

  /// The record to make once the image has been accepted.
  StoredImage record(const PullRequest& request) const;
};

/// Resolves the reference once and copies the manifest, the config and the Notary signatures of
/// both manifest and index into the store, where they can be verified without a network. No layer
/// is fetched and no record made. Errors: kNotFound, kNetwork, kContent, kHost for another
/// platform.
Result<PulledMetadata> pull_metadata(Repository& from, const PullRequest& request, Store& to);

/// The blobs that a store or layout lacks.
struct PullPlan {
  std::vector<Descriptor> missing = {};
  ByteCount bytes = {};
  bool operator==(const PullPlan&) const = default;
};
PullPlan plan_pull(const Manifest& manifest, const Store& store);
PullPlan plan_blobs(const std::vector<Descriptor>& blobs, const Layout& layout);

/// Called as a layer's bytes arrive, by one thread at a time; may be empty.
using Progress = std::function<void(const Digest& layer, ByteCount done, ByteCount total)>;

/// Fetches layers into the store, several at once where the repository can: a temporary file,
/// checked while it streams, then fsync, rename and fsync of the directory. What was fetched when
/// the network failed or the process was killed, the next call goes on with; where another process
/// fetches the same layer, it is waited for. Errors: kResource before anything is fetched if there
/// is too little room, kContent, kNetwork. The first error ends the others at their next bytes.
Status pull_layers(Repository& from,
                   const PullPlan& plan,
                   Store& to,
                   const Progress& progress = {});
Status pull_blobs(Repository& from,
                  const PullPlan& plan,
                  Layout& to,
                  const Progress& progress = {});

}  // namespace mosb::oci
