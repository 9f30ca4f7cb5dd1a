#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/oci/index.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

/// A directory in OCI layout. Readers need no lock; what changes index.json holds one, so that
/// several processes may write to one layout. Spec: OCI image 1.1 §Image Layout.
class Layout final : public Repository {
 public:
  /// Errors: kNotFound if there is no layout, kContent if it is damaged or of another version.
  static Result<Layout> open(const std::string& dir);
  /// Makes one, too, of a directory that is missing or empty. Errors: kUsage if it holds something
  /// else.
  static Result<Layout> open_or_create(const std::string& dir);

  Result<Descriptor> resolve(const Reference& reference) override;
  Result<std::string> read_manifest(const Descriptor& descriptor) override;
  Result<unsigned> stream_blob(const Descriptor& descriptor,
                               std::uint64_t from,
                               const BlobSink& sink) override;
  Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                            const std::string& artifact_type) override;
  Status push_blob(const Descriptor& descriptor, const BlobSource& source) override;
  Status push_manifest(const Descriptor& descriptor,
                       std::string_view bytes,
                       const std::optional<std::string>& tag) override;
  Status push_referrer(const Descriptor& manifest,
                       std::string_view bytes,
                       const Descriptor& subject) override;

  const std::string& dir() const { return dir_; }
  /// Where a blob lies, or would.
  std::string blob_path(const Digest& digest) const;
  /// A regular file of the right size is there. Its content is checked by whoever reads it.
  bool has_blob(const Descriptor& descriptor) const;
  /// Moves a finished file on the same file system into place, durably. The caller has checked
  /// size and digest.
  Status adopt_blob(const std::string& file, const Digest& digest);
  /// Where blobs are written before they have their name.
  const std::string& temp_dir() const { return temp_dir_; }

  /// What index.json lists.
  Result<Index> index() const;
  /// Reads index.json, lets `change` edit its `manifests` and replaces it, under the layout's lock.
  /// Members that mosb does not know stay. Nothing is written if nothing changed. What killed
  /// processes left is removed.
  Status edit_index(const std::function<Status(Json& manifests)>& change);

 private:
  friend class Store;
  explicit Layout(std::string dir, std::string temp_dir)
      : dir_(std::move(dir)), temp_dir_(std::move(temp_dir)) {}
  static Status create(const std::string& dir, mode_t mode);
  Status walk(const std::function<Result<bool>(const Descriptor&)>& visit);
  Result<Descriptor> find_tag(const std::string& tag) const;
  Result<Descriptor> find_digest(const Digest& digest);
  Result<Descriptor> find_only();
  Status store_manifest(const Descriptor& descriptor, std::string_view bytes);

  std::string dir_;
  std::string temp_dir_;
  /// The store's own layout: each entry that mosb makes notes its subject, so that looking for an
  /// image's signatures does not read the manifests of all others, and all that counts is listed
  /// in index.json itself.
  bool notes_subjects_ = false;
};

/// What the store notes in the annotations of the entries of its index.json begins so.
inline constexpr char kStoreNotes[] = "io.mosb.store.";
/// The digest of an entry's subject, or "".
inline constexpr char kSubjectNote[] = "io.mosb.store.subject";

}  // namespace mosb::oci
