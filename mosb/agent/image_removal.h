#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "mosb/agent/instance.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"

namespace mosb::agent {

/// What went from the store, or would.
struct ImageRemoval {
  std::vector<oci::StoredImage> records = {};
  std::map<Digest, ByteCount> blobs = {};
  ByteCount bytes = {};
  /// Blobs that stay.
  std::size_t kept = 0;
  std::vector<std::string> warnings = {};
};

// Both hold the instance's lock, which every start, apply and mount holds, and the store's lock
// alone, so that nobody is in the middle of a pull; see oci::Store. Records go first, durably, and
// blobs last.

/// Removes the records of a reference, or of an image's digest ("sha256:…"), and the blobs that
/// only they needed. `scope` "": the only one that there is. Errors: kNotFound, kUsage if there are
/// several scopes, kBusy if somebody uses the image or a pull is running.
Result<ImageRemoval> remove_image(const Instance& instance,
                                  const std::string& ref,
                                  const std::string& scope);

enum class Removal { kDo, kPlanOnly };

/// Removes every blob that no record, applied service or mount needs, and abandoned temporary
/// files. Records stay. What mosb does not know is left, with a warning. Errors: kBusy if a pull is
/// running; kContent if a manifest is damaged, so that what it needs is not known.
Result<ImageRemoval> collect_images(const Instance& instance, Removal removal);

}  // namespace mosb::agent
