#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/platform.h"

namespace mosb::oci {

/// How to run an image. Nothing here grants a privilege: labels and unknown members are free text.
/// Spec: OCI image 1.1 §Image Configuration.
struct ImageConfig {
  Platform platform = {};
  /// "user", "uid", "user:group", "uid:gid" and mixtures. Numbers are in range; names are looked
  /// up in the image, by others.
  std::optional<std::string> user = std::nullopt;
  /// Absolute, without "..".
  std::optional<std::string> working_dir = std::nullopt;
  /// As written; mosb::parse_signal() knows its number, which has been checked.
  std::optional<std::string> stop_signal = std::nullopt;
  /// "NAME=value". Newlines are data; there is no NUL.
  std::vector<std::string> env = {};
  std::vector<std::string> entrypoint = {};
  std::vector<std::string> cmd = {};
  /// "80/tcp", sorted.
  std::vector<std::string> exposed_ports = {};
  /// Absolute paths, sorted.
  std::vector<std::string> volumes = {};
  std::map<std::string, std::string> labels = {};
  std::vector<Digest> diff_ids = {};

  /// Strict, within the limits of limits.h. `null` counts as absent, as Docker writes it.
  /// Errors: kContent.
  static Result<ImageConfig> parse(std::string_view bytes);
  /// Compact JSON; the same value gives the same bytes.
  std::string print() const;

  bool operator==(const ImageConfig&) const = default;
};

/// The config belongs to the manifest: as many diff_ids as layers, and the platform that an index
/// promised (`manifest_descriptor.platform`, if any). Errors: kContent.
Status require_config_of(const ImageConfig& config,
                         const Manifest& manifest,
                         const Descriptor& manifest_descriptor);

}  // namespace mosb::oci
