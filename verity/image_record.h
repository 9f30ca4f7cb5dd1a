#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "verity/layer_place.h"
#include "verity/mount_table.h"
#include "verity/mounted_image.h"

namespace mosb::verity {

/// Of a record's file.
constexpr ByteCount kMaxRecord{256 * kKiB};

/// A layer as an image uses it.
struct RecordedLayer {
  LayerSource layer;
  /// Of the file system that the overlay was made from, "7:3": another mount of the same layer has
  /// another.
  std::string device;
};

/// What an overlay was made of, which the kernel does not tell. Kept as JSON in a file that is
/// written before the mount; the mount's source carries the file's digest, so a record is believed
/// only if the kernel holds a mount that was made from exactly it.
struct ImageRecord {
  std::string target;
  /// Bottom first.
  std::vector<RecordedLayer> layers;
  LayerDisplay display;
  ImageMount::Write write = ImageMount::Write::kReadOnly;
  std::string upper_dir;
  std::optional<ByteCount> tmpfs_size;
  std::string label;
  /// Sorted; absent in the text if there are none.
  std::vector<std::string> mount_points;

  std::string print() const;
  /// Errors: kState.
  static Result<ImageRecord> parse(std::string_view text);
};

/// The record's file for a target.
std::string record_path(const MountEnvironment& environment, const std::string& target);
/// What every overlay of the instance has at the start of its source: "mosb-<instance>:".
std::string source_prefix(const MountEnvironment& environment);
/// The source of the overlay made from a record: the prefix and 64 hex digits.
std::string overlay_source(const MountEnvironment& environment, std::string_view record);

/// A record with the mount that proves it.
struct LiveImage {
  ImageRecord record;
  MountEntry mount;
};
/// nullopt if the target has no record, or no mount made from it is on top there.
Result<std::optional<LiveImage>> find_live_image(const MountEnvironment& environment,
                                                 const std::string& target,
                                                 const MountTable& table);
/// The files in images_dir() that are records by their name; no directory: none.
Result<std::vector<std::string>> list_records(const MountEnvironment& environment);
/// nullopt if the text is no record or no mount was made from it.
std::optional<LiveImage> live_image_of(const MountEnvironment& environment,
                                       std::string_view record,
                                       const MountTable& table);

}  // namespace mosb::verity
