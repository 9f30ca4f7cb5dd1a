#pragma once

#include <map>
#include <set>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"
#include "mosb/oci/store_contents.h"

namespace mosb::oci {

/// What can go from a store.
struct StoreGarbage {
  std::map<Digest, ByteCount> blobs = {};
  /// Of index.json: signatures of what is gone, and indexes that no record was chosen from.
  std::set<Digest> entries = {};
  /// Those of `blobs` that these entries lead to.
  std::set<Digest> listed = {};

  ByteCount bytes() const;
  bool operator==(const StoreGarbage&) const = default;
};

/// Everything but what is needed. Pure.
StoreGarbage garbage_in(const StoreContents& contents, const std::set<Digest>& needed);

/// Removes it, and temporary files that dead writers left.
/// First go the blobs that index.json does not lead to, for a full disk may have no room for
/// another one; then it is replaced, durably, and then the others go, which nothing names any more.
/// So a kill at any step leaves at most garbage that the next call finds. The store was opened with
/// open_alone().
Status remove_garbage(Store& store, const StoreGarbage& garbage);

}  // namespace mosb::oci
