#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"

namespace mosb::oci {

/// Where an image is. Spec of names and tags: OCI distribution 1.1 §Pulling manifests.
struct Reference {
  enum class Kind {
    kRegistry,       ///< docker://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST], or without the scheme
    kLayout,         ///< oci:DIR[:TAG|@DIGEST]
    kArchive,        ///< oci-archive:FILE[:TAG|@DIGEST]
    kDockerArchive,  ///< docker-archive:FILE[:NAME[:TAG]|@DIGEST]; only read
    kStore,          ///< sha256:…
  };
  Kind kind = Kind::kRegistry;
  /// kRegistry: HOST[:PORT] and REPOSITORY, as written.
  std::string host = {};
  std::string repository = {};
  /// kLayout, kArchive, kDockerArchive: up to the first colon.
  std::string path = {};
  /// At most one of the two. A registry reference has one ("latest" if none is written), a store
  /// reference has a digest, the others may have neither.
  std::optional<std::string> tag = std::nullopt;
  std::optional<Digest> digest = std::nullopt;

  /// Errors: kUsage, with the full name as a hint if the registry's host is missing.
  static Result<Reference> parse(std::string_view text);
  /// Canonical: parse(str()) gives the same value.
  std::string str() const;
  /// kRegistry: "HOST[:PORT]/REPOSITORY", which is the trust scope too; "" for the others.
  std::string name() const;
  /// The same place with the digest instead of a tag.
  Reference pinned(const Digest& to) const;

  bool operator==(const Reference&) const = default;
};

}  // namespace mosb::oci
