#include "verity/mount_plan.h"

#include <algorithm>
#include <set>

#include <sys/mount.h>

#include "mosb/base/text.h"
#include "verity/mount_points.h"

namespace mosb::verity {

namespace {

/// mount(2) takes one page with the NUL at its end.
constexpr std::size_t kMaxOptions = 4095;

using Write = ImageMount::Write;

std::string fd_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

Status check_paths(const ImageMount& image) {
  if (!is_utf8(image.target) || !is_utf8(image.upper_dir) || !is_utf8(image.label)) {
    return Error(Errc::kUsage, "the path of target or upper directory, or the label, is not UTF-8");
  }
  if ((image.write == Write::kUpper) == image.upper_dir.empty()) {
    return Error(Errc::kUsage,
                 image.upper_dir.empty() ? "no upper directory given"
                                         : "an upper directory is given but not used");
  }
  if (image.tmpfs_size && image.write != Write::kTmpfs) {
    return Error(Errc::kUsage, "a tmpfs size is given but no tmpfs");
  }
  return check_mount_points(image.mount_points);
}

Error lacks_signature(const LayerSource& layer, bool demanded) {
  const std::string what = "layer " + layer.digest.str() + " has no signature of its root hash, ";
  constexpr char kSign[] = "build the image with --verity-key and --verity-cert";
  if (!demanded) {
    return Error(Errc::kVerity, what + "which this machine requires (policy.root_hash_signature)")
        .with_hint(kSign);
  }
  // Not gone round by auto: whoever started the kernel so wants to see signatures.
  return Error(Errc::kHost, what + "and this kernel demands one (dm_verity.require_signatures=1)")
      .with_hint(std::string(kSign) +
                 ", or choose the verifier fuse, which checks every block as well");
}

std::string action_name(LayerAction action) {
  switch (action) {
    case LayerAction::kReuse:
      return "reuse";
    case LayerAction::kMount:
      return "mount";
    case LayerAction::kReplace:
      return "replace";
  }
  return "";
}

}  // namespace

Result<std::vector<LayerSource>> layers_to_mount(const ImageMount& image) {
  MOSB_CHECK(check_paths(image));
  if (image.layers.empty() || image.layers.size() > kMaxLayers) {
    return Error(Errc::kUsage,
                 "an image has 1 to " + std::to_string(kMaxLayers) + " layers, this one " +
                     std::to_string(image.layers.size()));
  }
  std::vector<LayerSource> layers;
  std::set<RootHash> seen;
  std::for_each(image.layers.rbegin(), image.layers.rend(), [&](const LayerSource& layer) {
    if (seen.insert(layer.root_hash).second) {
      layers.push_back(layer);
    }
  });
  std::reverse(layers.begin(), layers.end());
  return layers;
}

Result<std::vector<LayerSource>> settle_signatures(std::vector<LayerSource> layers,
                                                   RootHashSignatures wanted,
                                                   bool demanded,
                                                   Verifier verifier) {
  const bool required = wanted == RootHashSignatures::kRequired;
  if (required && verifier != Verifier::kDm) {
    return Error(Errc::kHost,
                 "this machine mounts only root hashes that are signed for the kernel "
                 "(policy.root_hash_signature: required), which dm-verity alone checks")
        .with_hint("choose the verifier dm, which says what it lacks here");
  }
  demanded = demanded && verifier == Verifier::kDm;
  const bool checked =
      verifier == Verifier::kDm && (demanded || wanted != RootHashSignatures::kIfDemanded);
  for (LayerSource& layer : layers) {
    if (!checked) {
      layer.signature.reset();
    } else if (!layer.signature && (demanded || required)) {
      return lacks_signature(layer, demanded);
    }
  }
  return layers;
}

LayerStep plan_layer(const LayerSource& layer,
                     LayerPlace place,
                     const LayerFacts& facts,
                     const std::string& complaint) {
  LayerAction action = LayerAction::kReuse;
  if (!complaint.empty()) {
    action = facts.mount ? LayerAction::kReplace : LayerAction::kMount;
  }
  return LayerStep{layer, std::move(place), action, complaint, has_corrupt_blocks(facts)};
}

std::string to_string(const LayerStep& step) {
  return action_name(step.action) + " layer " + step.layer.digest.str() +
         (step.reason.empty() ? "" : " (" + step.reason + ")");
}

Result<TargetAction> plan_target(const ImageMount& image,
                                 const std::optional<LiveImage>& live,
                                 bool layers_healthy,
                                 OverlayMarks marks) {
  if (!live) {
    return TargetAction::kMount;
  }
  if (!describes(live->record, image)) {
    return Error(Errc::kBusy, "another image is mounted at " + quote(image.target))
        .with_hint("unmount it first");
  }
  return layers_healthy && is_guarded_overlay(live->mount, image.write, marks)
             ? TargetAction::kKeep
             : TargetAction::kReplace;
}

bool describes(const ImageRecord& record, const ImageMount& image) {
  const auto layers = layers_to_mount(image);
  const auto same = [](const RecordedLayer& recorded, const LayerSource& layer) {
    return recorded.layer.root_hash == layer.root_hash && recorded.layer.digest == layer.digest &&
           recorded.layer.size == layer.size && recorded.layer.filesystem == layer.filesystem;
  };
  return layers &&
         std::equal(
             record.layers.begin(), record.layers.end(), layers->begin(), layers->end(), same) &&
         record.display.idmap == image.idmap && record.write == image.write &&
         record.upper_dir == image.upper_dir && record.tmpfs_size == image.tmpfs_size &&
         record.mount_points == sorted_mount_points(image.mount_points);
}

OverlayMarks overlay_marks(const MountEnvironment& environment) {
  return environment.in_user_namespace ? OverlayMarks::kUser : OverlayMarks::kTrusted;
}

bool is_guarded_overlay(const MountEntry& mount, Write write, OverlayMarks marks) {
  return mount.has_option("nosuid") && mount.has_option("nodev") &&
         mount.has_option("ro") == (write == Write::kReadOnly) &&
         mount.has_super_option("redirect_dir=nofollow") &&
         !mount.has_super_option("metacopy=on") &&
         mount.has_super_option("userxattr") == (marks == OverlayMarks::kUser);
}

Result<OverlayConfig> overlay_config(const OverlayLayers& layers,
                                     OverlayMarks marks,
                                     std::string source,
                                     int target) {
  const bool readonly = layers.upper < 0;
  OverlayConfig config;
  config.source = std::move(source);
  config.target = target;
  config.flags = MS_NODEV | MS_NOSUID | (readonly ? static_cast<unsigned long>(MS_RDONLY) : 0UL);
  std::vector<std::string> lower;
  for (const int fd : layers.lower) {
    lower.push_back(fd_path(fd));
  }
  // A layer's trusted.overlay.* attributes must not reach into other layers: follow no redirect,
  // take no data from elsewhere.
  config.options =
      "lowerdir=" + join(lower, ":") + ",redirect_dir=nofollow,metacopy=off,index=off,xino=off";
  if (marks == OverlayMarks::kUser) {
    config.options += ",userxattr";
  }
  if (!readonly) {
    config.options += ",upperdir=" + fd_path(layers.upper) + ",workdir=" + fd_path(layers.work);
  }
  if (config.options.size() > kMaxOptions) {
    return Error(Errc::kUsage, "the overlay's options need more than a page");
  }
  return config;
}

}  // namespace mosb::verity
