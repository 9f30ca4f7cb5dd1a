#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"

namespace mosb::oci {

/// A manifest or index in the store, as far as it says what else is needed.
struct StoredDocument {
  /// Config and layers of a manifest, the indexes in an index.
  std::vector<Digest> needs = {};
  /// The manifests that an index lists. An image was chosen from them, the others are not there.
  std::vector<Digest> lists = {};
  std::optional<Digest> subject = std::nullopt;
};

/// Everything that lies in a store, as it was read.
struct StoreContents {
  std::vector<StoredImage> records = {};
  /// What index.json lists beside the records, with a name or of a type that no pull gives: not
  /// mosb's to remove.
  std::set<Digest> named = {};
  /// What else index.json lists: signatures, and the indexes that images were chosen from.
  std::set<Digest> listed = {};
  /// All of the above that could be read, and what they lead to.
  std::map<Digest, StoredDocument> documents = {};
  /// Why the others could not.
  std::map<Digest, std::string> unreadable = {};
  std::map<Digest, ByteCount> blobs = {};
  /// Paths below blobs/ whose name or type mosb does not give.
  std::vector<std::string> unknown = {};
};

/// Reads manifests and indexes, and the sizes of all blobs. `also` are manifests of which the
/// caller knows from elsewhere. Errors: kState.
Result<StoreContents> read_contents(Store& store, const std::set<Digest>& also);

/// The blobs of a store with their sizes; paths below blobs/ that are none are added to `unknown`.
Result<std::map<Digest, ByteCount>> list_blobs(const Store& store,
                                               std::vector<std::string>& unknown);

/// What is needed from outside of the store.
struct StorePins {
  /// Of images, with all that they need.
  std::set<Digest> manifests = {};
  /// Blobs by themselves, as the layers that are mounted.
  std::set<Digest> blobs = {};
};

/// The digests that something needs, whether they are there or not: images that a record, a name or
/// a pin holds, with the indexes they were chosen from, and all referrers of what is needed. Pure.
/// Errors: kContent if a manifest that is needed can't be read: what it needs is not known then.
Result<std::set<Digest>> needed_blobs(const StoreContents& contents, const StorePins& pins);

/// What these documents lead to, themselves included.
std::set<Digest> reached_from(const std::set<Digest>& documents, const StoreContents& contents);

/// What is needed by these records alone, as far as it can be told.
std::set<Digest> blobs_of(const std::vector<StoredImage>& records, const StoreContents& contents);

}  // namespace mosb::oci
