#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/repository.h"
#include "mosb/oci/scratch.h"

namespace mosb::oci {

/// An OCI layout in a tar file, unpacked into a temporary directory while in use.
class Archive final : public Repository {
 public:
  /// Unpacks below `temp_parent`, which nobody but this user can write. Only a layout's own files
  /// are taken, and only regular ones; each blob's digest is checked. Errors: kNotFound, kContent,
  /// kResource if there is too little room.
  static Result<Archive> open(const std::string& file, const std::string& temp_parent);
  /// Starts an empty one; save() writes it.
  static Result<Archive> create(const std::string& temp_parent);
  /// Packs everything into `file`, replacing it at once. The same content gives the same bytes.
  Status save(const std::string& file) const;
  /// As it lies unpacked, to write to as well.
  Layout& layout() { return layout_; }

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

 private:
  Archive(Scratch scratch, Layout layout)
      : scratch_(std::move(scratch)), layout_(std::move(layout)) {}
  Scratch scratch_;
  Layout layout_;
};

}  // namespace mosb::oci
