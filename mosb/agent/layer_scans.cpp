#include "mosb/agent/layer_scans.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/sys.h"
#include "verity/layer_scanner.h"
#include "verity/parallel.h"

namespace mosb::agent {

namespace {

/// At once: one waits for the disk while another reckons.
constexpr unsigned kScanners = 4;
constexpr ByteCount kMaxRecord{verity::kMaxScanAnswer + 256};

std::string record_of(const Paths& paths, const Digest& layer) {
  return paths.layer_scans() + "/" + layer.hex();
}

/// What a record begins with; the scanner's answer follows.
std::string head_of(const verity::LayerSource& layer) {
  return "rules " + std::to_string(verity::kScanRules) + " filesystem " +
         filesystem_name(layer.filesystem) + " root_hash " + layer.root_hash.hex() + " size " +
         std::to_string(layer.size.value) + "\n";
}

Status write_record(const Paths& paths,
                    const verity::LayerSource& layer,
                    const verity::LayerScan& scan) {
  MOSB_CHECK(sys::mkdir_all(paths.layer_scans(), 0700));
  return write_file_atomic(
      record_of(paths, layer.digest), head_of(layer) + passed_answer(scan), 0600);
}

Status policy_for(const verity::LayerSource& layer,
                  const verity::LayerScan& scan,
                  const LayerPolicy& policy) {
  return check_policy(scan, policy).context("layer " + layer.digest.str());
}

}  // namespace

std::optional<verity::LayerScan> recorded_scan(const Paths& paths,
                                               const verity::LayerSource& layer) {
  const auto text = read_file(record_of(paths, layer.digest), kMaxRecord);
  const std::string head = head_of(layer);
  if (!text || !text->starts_with(head)) {
    return std::nullopt;
  }
  auto scan = verity::parse_scan_answer(std::string_view(*text).substr(head.size()));
  return scan ? std::optional(*std::move(scan)) : std::nullopt;
}

Status forget_scan(const Paths& paths, const Digest& layer) {
  return sys::unlink(record_of(paths, layer));
}

Result<verity::LayerScan> scan_anew(const verity::LayerSource& layer, const LayerPolicy& policy) {
  verity::LayerScan scan =
      MOSB_TRY(verity::scan_layer(layer, verity::Scanner{.libexec_dir = libexec_dir()}));
  MOSB_CHECK(policy_for(layer, scan, policy));
  return scan;
}

Result<std::optional<verity::LayerScan>> LayerScans::admit_one(
    const verity::LayerSource& layer) const {
  if (const auto known = recorded_scan(paths_, layer)) {
    MOSB_CHECK(policy_for(layer, *known, policy_));
    return std::optional<verity::LayerScan>();
  }
  verity::LayerScan scan = MOSB_TRY(scan_anew(layer, policy_));
  const Status written = write_record(paths_, layer, scan);
  if (!written) {
    log::warn("layer " + layer.digest.str() +
              " will be scanned again: " + written.error().message());
  }
  return std::optional(std::move(scan));
}

Status LayerScans::admit(std::span<const verity::LayerSource> layers) {
  std::vector<std::optional<verity::LayerScan>> found(layers.size());
  MOSB_CHECK(verity::for_each_parallel(
      layers.size(),
      [&] {
        return [&](std::uint64_t i) -> Status {
          found[i] = MOSB_TRY(admit_one(layers[i]));
          return ok();
        };
      },
      kScanners));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    // A layer may come twice in an image.
    const bool known = std::ranges::any_of(
        fresh_, [&](const ScannedLayer& other) { return other.digest == layers[i].digest; });
    if (found[i] && !known) {
      fresh_.push_back({layers[i].digest, *std::move(found[i])});
    }
  }
  return ok();
}

}  // namespace mosb::agent
