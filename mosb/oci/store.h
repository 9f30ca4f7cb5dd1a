#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/file_lock.h"
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
  /// Of manifest, config and layers together, as they are recorded; nullopt in records that an
  /// older mosb made.
  std::optional<ByteCount> size = std::nullopt;

  /// Whether they say the same; the size follows from the manifest.
  bool operator==(const StoredImage& other) const;
};

/// Whether an entry of the store's index.json is a record of an image.
bool is_record(const Descriptor& entry);

/// mosb's images: an OCI layout of mode 0700 with one entry of index.json per record. Several
/// processes may use it at once.
///
/// A pull relies on blobs before any record names them: those that it has fetched, and those that
/// it found and need not fetch. So whoever may write holds the store's lock together with all
/// others, from before it looks until its Store is gone, and whoever removes blobs holds it alone.
/// What a record, an applied service or a mount names is found by the remover itself. Readers take
/// no lock: what they miss is refused as missing, never taken for something else.
class Store {
 public:
  /// Whether there is one. What an interrupted creation left is none; what has lost its
  /// `oci-layout` is a damaged one.
  static bool exists(const std::string& dir);
  /// For writing, beside others who write. Waits while blobs are being removed. Also removes what
  /// dead processes left in tmp/. Errors: kState if the directory is not a layout.
  static Result<Store> open_or_create(const std::string& dir);
  /// For removing blobs. Errors: kBusy if somebody has it open for writing; as open().
  static Result<Store> open_alone(const std::string& dir);
  /// For looking only: writes nothing. Errors: kNotFound if there is no store; kState as above.
  static Result<Store> open(const std::string& dir);

  /// Makes index.json anew from what lies in the store: the records of `known` whose manifests are
  /// there (of these only the digest is looked at), with the index each was chosen from, and all
  /// referrers. The old one stays as `index.json.damaged`. Errors: kState.
  static Status mend_index(const std::string& dir, const std::vector<StoredImage>& known);

  /// Manifests, blobs and signatures of all images; lives as long as the store.
  Repository& repository() { return layout_; }
  Layout& layout() { return layout_; }
  const Layout& layout() const { return layout_; }
  const std::string& dir() const { return layout_.dir(); }

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

  /// What the image takes: manifest, config and layers, as its manifest records them. From the
  /// record if it says so. Errors: kNotFound, kContent.
  Result<ByteCount> size(const StoredImage& image);

  std::string blob_path(const Digest& digest) const { return layout_.blob_path(digest); }
  /// Present with the right size; the content is checked block by block when it is used.
  Result<bool> has_blob(const Descriptor& descriptor) const;

 private:
  explicit Store(Layout layout) : layout_(std::move(layout)) {}
  /// Of index.json.
  static Json entry_of(const StoredImage& image);
  Layout layout_;
  /// Held from open_or_create() and open_alone() on.
  std::optional<FileLock> lock_ = std::nullopt;
};

}  // namespace mosb::oci
