#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/oci/blob.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/reference.h"

namespace mosb::oci {

/// A place that holds manifests and blobs: a registry's repository, a layout, the store. What comes
/// out has been checked against its descriptor, but for stream_blob().
class Repository {
 public:
  virtual ~Repository() = default;

  /// The manifest or index that a tag or digest names: media type, digest and size, nothing else.
  /// A tag is asked for exactly once. Errors: kNotFound.
  virtual Result<Descriptor> resolve(const Reference& reference) = 0;
  /// The exact bytes, at most kMaxManifestSize. Errors: kNotFound, kContent.
  virtual Result<std::string> read_manifest(const Descriptor& descriptor) = 0;
  /// A small blob, at most `limit` bytes. Errors: kNotFound, kContent.
  Result<std::string> read_blob(const Descriptor& descriptor, ByteCount limit);
  /// A blob of any size, streamed. The bytes are right only if this succeeds: the digest is known
  /// at the end. Errors: kNotFound, kContent, and what the sink returned.
  Status fetch_blob(const Descriptor& descriptor, const BlobSink& sink);
  /// A blob's bytes from `from` on, never more than the rest, and not compared with the digest: for
  /// whoever checks the whole. The value: in how many answers they came; more than one may be parts
  /// of different things. Errors: as fetch_blob(); kContent, too, if there is no such part.
  virtual Result<unsigned> stream_blob(const Descriptor& descriptor,
                                       std::uint64_t from,
                                       const BlobSink& sink) = 0;
  /// Fills `out` with the blob's bytes from `from` on, not compared with any digest. Errors: as
  /// stream_blob(); kContent, too, where parts can't be had.
  virtual Status read_part(const Descriptor& descriptor,
                           std::uint64_t from,
                           std::span<std::byte> out);
  /// How many stream_blob() may run at once, each from a thread of its own, while nothing else is
  /// asked for.
  virtual unsigned parallel_fetches() const { return 1; }
  /// How many places may be asked for one blob: with more than one, a fetch_blob() that failed with
  /// kContent may succeed when it is made again with a new sink.
  virtual unsigned places() const { return 1; }
  /// The manifests whose `subject` is this one and whose artifact type is `artifact_type` ("": any)
  /// in the order in which they are listed; the first kMaxReferrers of them.
  virtual Result<std::vector<Descriptor>> referrers(const Descriptor& subject,
                                                    const std::string& artifact_type) = 0;

  /// Stores a blob unless it is there. Errors: kContent if the source is not what the descriptor
  /// says.
  virtual Status push_blob(const Descriptor& descriptor, const BlobSource& source) = 0;
  /// Stores a manifest or index whose blobs are there, and lets `tag` name it.
  virtual Status push_manifest(const Descriptor& descriptor,
                               std::string_view bytes,
                               const std::optional<std::string>& tag) = 0;
  /// Stores a manifest with a `subject` so that referrers(subject) finds it.
  virtual Status push_referrer(const Descriptor& manifest,
                               std::string_view bytes,
                               const Descriptor& subject) = 0;

 protected:
  Repository() = default;
  Repository(const Repository&) = default;
  Repository& operator=(const Repository&) = default;
  Repository(Repository&&) = default;
  Repository& operator=(Repository&&) = default;
};

}  // namespace mosb::oci
