#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "verity/block_owner.h"
#include "verity/layer.h"
#include "verity/layer_scan.h"

namespace mosb::verity {

/// What the scanner, mosb-layer-scan, finds open.
struct ScannerFds {
  /// The layer's blob, for reading.
  static constexpr int kBlob = 3;
  /// A pipe for the answer (layer_scan.h).
  static constexpr int kAnswer = 4;
};

// What one scan may take: far above what images need. One that needs more ends, and its layer is
// refused.
constexpr ByteCount kScannerMemory{512 * kMiB};
constexpr std::chrono::seconds kScannerProcessorTime{60};

struct Scanner {
  /// The folder of mosb-layer-scan.
  std::string libexec_dir;
  /// For a disk that is slow, too; after that the scanner is killed.
  std::chrono::milliseconds deadline{180'000};
};

/// Has a process of its own, without privileges, look through the layer's file system before
/// anything else parses it. All that it reads was checked against the root hash; all that it can do
/// is to answer. Errors: kVerity for a layer that is refused, and for a scanner that ended, hung or
/// talked nonsense over it; kNotFound without a blob; kHost where scans can't be made.
Result<LayerScan> scan_layer(const LayerSource& layer, const Scanner& scanner);

/// Has such a process find out what data blocks of the layer are used for, 1 to kMaxLocated of
/// them. The layer may be damaged. Errors: as above.
Result<std::vector<BlockOwner>> locate_blocks(const LayerSource& layer,
                                              std::span<const std::uint64_t> blocks,
                                              const Scanner& scanner);

}  // namespace mosb::verity
