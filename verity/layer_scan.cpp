#include "verity/layer_scan.h"

#include <algorithm>
#include <utility>

#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/scan_word.h"

namespace mosb::verity {

namespace {

Error nonsense() {
  return Error(Errc::kVerity, "the scanner's answer makes no sense");
}

Result<std::uint64_t> count(const std::string& word, std::uint64_t least) {
  const auto value = parse_uint(word, least, UINT64_MAX);
  return value ? Result<std::uint64_t>(*value) : Result<std::uint64_t>(nonsense());
}

Status read_finding(const std::vector<std::string>& words, LayerScan& scan) {
  const auto* const name = std::find(kFindingNames.begin(), kFindingNames.end(), words[0]);
  if (name == kFindingNames.end() || words.size() != 3) {
    return nonsense();
  }
  const auto kind = static_cast<FindingKind>(name - kFindingNames.begin());
  if (!scan.findings.empty() && scan.findings.back().kind >= kind) {
    return nonsense();
  }
  const std::uint64_t number = MOSB_TRY(count(words[1], 1));
  std::string example = MOSB_TRY(decode_scan_word(words[2], kMaxScanPath));
  scan.findings.push_back({kind, number, std::move(example)});
  return ok();
}

Result<LayerScan> read_verdict(const std::vector<std::string>& words, LayerScan scan) {
  if (words[0] == "passed" && words.size() == 3) {
    scan.inodes = MOSB_TRY(count(words[1], 1));
    scan.file_bytes = ByteCount{MOSB_TRY(count(words[2], 0))};
    return scan;
  }
  if (words[0] == "refused" && words.size() == 3) {
    const std::string path = MOSB_TRY(decode_scan_word(words[1], kMaxScanPath));
    const std::string reason = escape(MOSB_TRY(decode_scan_word(words[2], kMaxScanReason)));
    return Error(Errc::kVerity, path.empty() ? reason : quote(path) + ": " + reason);
  }
  if (words[0] == "failed" && words.size() == 2) {
    return Error(Errc::kHost, escape(MOSB_TRY(decode_scan_word(words[1], kMaxScanReason))));
  }
  return nonsense();
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  return kFindingNames.at(static_cast<std::size_t>(kind));
}

std::string passed_answer(const LayerScan& scan) {
  std::string text;
  for (const Finding& finding : scan.findings) {
    text += std::string(finding_name(finding.kind)) + " " + std::to_string(finding.count) + " " +
            encode_scan_word(finding.example, kMaxScanPath) + "\n";
  }
  return text + "passed " + std::to_string(scan.inodes) + " " +
         std::to_string(scan.file_bytes.value) + "\n";
}

std::string refused_answer(std::string_view path, std::string_view reason) {
  return "refused " + encode_scan_word(path, kMaxScanPath) + " " +
         encode_scan_word(reason, kMaxScanReason) + "\n";
}

std::string failed_answer(std::string_view reason) {
  return "failed " + encode_scan_word(reason, kMaxScanReason) + "\n";
}

Result<LayerScan> parse_scan_answer(std::string_view text) {
  if (text.empty() || text.size() > kMaxScanAnswer || text.back() != '\n') {
    return nonsense();
  }
  LayerScan scan;
  const std::vector<std::string> lines = split(text.substr(0, text.size() - 1), '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    MOSB_CHECK(read_finding(split(lines[i], ' '), scan));
  }
  return read_verdict(split(lines.back(), ' '), std::move(scan));
}

std::string to_string(const Finding& finding) {
  return std::to_string(finding.count) + " " + std::string(finding_name(finding.kind)) +
         ", such as " + quote(finding.example);
}

}  // namespace mosb::verity
