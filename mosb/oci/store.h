#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/layout.h"

namespace mosb::oci {

/// An image that was accepted: under which reference, for which trust scope, and what it is. The
/// same image under another scope is another record.
struct StoredImage {
  /// Reference::str() of what was asked for.
  std::string ref;
  std::string scope;
  /// Of the image, for this host's platform.
  Descriptor manifest;
  /// The index that `manifest` was chosen from, if the reference named one.
  std::optional<Descriptor> index = std::nullopt;

  bool operator==(const StoredImage&) const = default;
};

/// mosb's images: an OCI layout of mode 0700 with one entry of index.json per record. Several
/// processes may use it at once.
class Store {
 public:
  /// Also removes what dead processes left in tmp/. Errors: kState if the directory is not a
  /// layout.
  static Result<Store> open_or_create(const std::string& dir);
  /// For looking only: writes nothing. Errors: kNotFound if there is no store; kState as above.
  static Result<Store> open(const std::string& dir);

  /// Manifests, blobs and signatures of all images; lives as long as the store.
  Repository& repository() { return layout_; }
  Layout& layout() { return layout_; }
  const Layout& layout() const { return layout_; }

  /// The records, in the order in which they were made. Errors: kState.
  Result<std::vector<StoredImage>> images() const;
  /// The record for a reference, or for an image's digest ("sha256:…"), under this scope.
  Result<std::optional<StoredImage>> find(const std::string& ref_or_digest,
                                          const std::string& scope) const;
  /// All records of an image, whatever their scope.
  Result<std::vector<StoredImage>> find_all(const Digest& manifest) const;
  /// Adds a record, or replaces that of the same reference and scope. The manifest must be in the
  /// store.
  Status record(const StoredImage& image);
  /// Removes the record of this reference and scope; blobs stay. None is success.
  Status forget(const StoredImage& image);

  std::string blob_path(const Digest& digest) const { return layout_.blob_path(digest); }
  /// Present with the right size; the content is checked block by block when it is used.
  Result<bool> has_blob(const Descriptor& descriptor) const;

 private:
  explicit Store(Layout layout) : layout_(std::move(layout)) {}
  Layout layout_;
};

}  // namespace mosb::oci
