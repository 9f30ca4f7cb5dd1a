#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"

namespace mosb::agent {

struct DamagedBlob {
  Digest digest;
  std::string path;
  /// What is wrong with it.
  std::string reason;
  /// "image REF", "service NAME", "mount DIR".
  std::vector<std::string> used_by = {};
  /// Out of the way, so that the next apply fetches it again. One that is mounted stays: its good
  /// blocks are still read, and the next start reads all of it first.
  bool removed = false;
};

struct ScrubReport {
  std::size_t checked = 0;
  ByteCount bytes = {};
  std::vector<DamagedBlob> damaged = {};
  std::vector<std::string> warnings = {};
};

/// Bytes that were read, and bytes in all.
using ScrubProgress = std::function<void(ByteCount done, ByteCount total)>;

/// Reads every blob of the store and compares its digest with its name. That takes no lock, for it
/// may take long. What is damaged is judged again under the locks of image_removal.h; while
/// somebody else holds those it is only named. Errors: kNotFound, kState.
Result<ScrubReport> scrub_store(const Paths& paths, const ScrubProgress& progress);

}  // namespace mosb::agent
