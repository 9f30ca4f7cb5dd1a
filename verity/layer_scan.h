#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

/// What the scan of a layer's file system found, and the text in which the scanner, an untrusted
/// process, says it.
namespace mosb::verity {

/// Of the rules that scans go by. A scan counts only under the rules that it was made by, so this
/// rises with each change of what is refused or found.
constexpr std::uint32_t kScanRules = 1;

/// What a layer may have, unless the machine's policy says otherwise.
enum class FindingKind {
  /// But for whiteouts.
  kDeviceNodes,
  /// Regular files that are set-uid or set-gid.
  kSetIdFiles,
  kFileCapabilities,
};
/// In the order of FindingKind, as in text and JSON.
constexpr std::array<std::string_view, 3> kFindingNames{
    "device-nodes", "set-id-files", "file-capabilities"};
std::string_view finding_name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kDeviceNodes;
  /// At least 1.
  std::uint64_t count = 0;
  /// The path of the first; any bytes but NUL, at most kMaxScanPath.
  std::string example;
  bool operator==(const Finding&) const = default;
};

/// A layer that was scanned and not refused.
struct LayerScan {
  std::uint64_t inodes = 0;
  /// Of all regular files together, as they say.
  ByteCount file_bytes;
  /// At most one of each kind, in the order of FindingKind.
  std::vector<Finding> findings;
  bool operator==(const LayerScan&) const = default;
};

constexpr std::size_t kMaxScanPath = 1024;
/// Of the text of a refusal.
constexpr std::size_t kMaxScanReason = 512;
constexpr std::size_t kMaxScanAnswer = 16'384;

/// The scanner's words: a line for each finding ("set-id-files 12 2f62696e2f7375"), then one of
/// "passed INODES BYTES", "refused PATH REASON" and "failed REASON"; paths and reasons in
/// hexadecimal, "-" if empty, cut if too long.
std::string passed_answer(const LayerScan& scan);
std::string refused_answer(std::string_view path, std::string_view reason);
/// The scan could not be made.
std::string failed_answer(std::string_view reason);

/// Strict: exactly what the functions above write. Errors: kVerity for a layer that was refused,
/// and for an answer that is none; kHost for a scan that could not be made.
Result<LayerScan> parse_scan_answer(std::string_view text);

/// "12 set-id-files, such as '/bin/su'".
std::string to_string(const Finding& finding);

}  // namespace mosb::verity
