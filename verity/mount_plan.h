#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/image_record.h"
#include "verity/layer_facts.h"
#include "verity/mounted_image.h"

/// Decides, from what shall be and what the kernel says is, what is to be done. Pure.
namespace mosb::verity {

/// The image's layers without those that change nothing: of a layer that comes twice, the upper one
/// hides the lower wholly, and the kernel refuses the same directory twice.
/// Errors: kUsage for no layers or too many, a target or upper directory that is not UTF-8,
/// an upper directory without kUpper or the other way round; those of check_mount_points().
Result<std::vector<LayerSource>> layers_to_mount(const ImageMount& image);

/// The layers as they are to be mounted: each with the signature of its root hash if the kernel
/// shall check that, else without. `demanded`: by the kernel. Errors: kHost if the kernel demands
/// one that a layer lacks, or if signatures are required where dm-verity is not the verifier;
/// kVerity if they are required and a layer has none.
Result<std::vector<LayerSource>> settle_signatures(std::vector<LayerSource> layers,
                                                   RootHashSignatures wanted,
                                                   bool demanded,
                                                   Verifier verifier);

enum class LayerAction {
  /// It is mounted and healthy.
  kReuse,
  kMount,
  /// What is mounted in its place is taken away first.
  kReplace,
};

struct LayerStep {
  LayerSource layer;
  LayerPlace place;
  LayerAction action = LayerAction::kMount;
  /// Why it is not reused; "" if it is.
  std::string reason;
  /// Blocks failed their check: all are read before it is mounted again.
  bool was_corrupt = false;
};
LayerStep plan_layer(const LayerSource& layer,
                     LayerPlace place,
                     const LayerFacts& facts,
                     const std::string& complaint);
/// "mount layer sha256:… (it is not mounted)".
std::string to_string(const LayerStep& step);

/// In which attributes overlayfs finds that a directory hides what is below it.
enum class OverlayMarks {
  /// `trusted.overlay.*`, which the host's root alone can read and write.
  kTrusted,
  /// `user.overlay.*`, in a user namespace; layers have none of them but those that servers show.
  kUser,
};
OverlayMarks overlay_marks(const MountEnvironment& environment);

enum class TargetAction {
  /// Exactly this image is there and healthy.
  kKeep,
  kMount,
  /// This image is there, made from layers that are no longer healthy.
  kReplace,
};
/// `live`: what of ours is at the target. `layers_healthy`: whether the layers it was made from
/// are. Errors: kBusy if it is another image.
Result<TargetAction> plan_target(const ImageMount& image,
                                 const std::optional<LiveImage>& live,
                                 bool layers_healthy,
                                 OverlayMarks marks);

/// Whether a record says what the image says.
bool describes(const ImageRecord& record, const ImageMount& image);
/// Whether the overlay has the flags that it was mounted with: without nosuid and nodev the layers'
/// own flags count for nothing, with redirects a layer could show another layer's directory, and
/// with the other marks than meant it shows what an upper layer hides.
bool is_guarded_overlay(const MountEntry& mount, ImageMount::Write write, OverlayMarks marks);

/// Directories by open descriptors: an overlay's options name them as /proc/self/fd/N.
struct OverlayLayers {
  /// Top first.
  std::vector<int> lower;
  /// -1: nothing can be written.
  int upper = -1;
  int work = -1;
};
/// Errors: kUsage if the text does not fit one page, which the kernel copies.
Result<OverlayConfig> overlay_config(const OverlayLayers& layers,
                                     OverlayMarks marks,
                                     std::string source,
                                     int target);

}  // namespace mosb::verity
