#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// Fills `out` with the layer file's bytes from `offset` on, as somebody else has them. They may be
/// wrong.
using ReadPart = std::function<Status(std::uint64_t offset, std::span<std::byte> out)>;

struct MendedLayer {
  /// Put right: data and hash blocks, the superblock.
  std::uint64_t blocks = 0;
  ByteCount fetched;
};

/// Of a layer of which more than this part is bad, and more than that many bytes, or that is bad in
/// more places, all is to be fetched.
constexpr std::uint64_t kMendableFraction = 4;
constexpr ByteCount kMendableAnyhow{1 * kMiB};
constexpr std::uint64_t kMaxMendedRuns = 512;

/// Reads every block of a layer file from the root of its hash tree down, and puts each that is not
/// what was signed right in its place, durably, with bytes from `read_part` that were checked
/// before. So the file is never worse than it was: a reader sees the old block or the right one,
/// wherever this ends. Bytes of the superblock's block that nothing uses are left as they are.
/// `signed_size` and `root_hash` must come from a verified manifest.
/// Errors: kVerity for a file of another size, for bytes that are not right either and for more
/// damage than is worth it; those of `read_part`; kResource.
Result<MendedLayer> mend_layer_file(const std::string& path,
                                    ByteCount signed_size,
                                    const RootHash& root_hash,
                                    const ReadPart& read_part);

}  // namespace mosb::verity
