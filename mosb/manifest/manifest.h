#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/manifest/problem.h"
#include "mosb/manifest/target.h"

namespace mosb::manifest {

/// A manifest is small; what is larger is refused before it is parsed.
constexpr ByteCount kMaxManifestSize{1 * kMiB};

/// A directory that outlives the services which use it, or, if not persistent, the machine's run.
struct Volume {
  std::string label;
  bool persistent = false;
  std::optional<std::string> nsgroup;
  std::optional<ByteCount> size;
  bool operator==(const Volume&) const = default;
};

/// Whether services that the manifest does not list are removed or stay.
enum class UpdateType { kComplete, kPartial };

/// What a machine is to run, checked: names are unique and well formed, every mount has its volume.
struct Manifest {
  /// 1: the fields of project machine's mos. 2: those and mosb's own.
  int version = 1;
  std::string product;
  UpdateType update_type = UpdateType::kPartial;
  std::vector<Volume> storage;
  std::vector<Target> targets;
  bool operator==(const Manifest&) const = default;
};

/// Either a manifest or the problems that stand in its way.
struct Checked {
  std::optional<Manifest> manifest;
  /// In the order of the text.
  std::vector<Problem> problems;
};

/// Reads YAML 1.2 (core schema, one document, no anchors, aliases, tags, merge keys, duplicate
/// keys) or JSON. Unknown fields are problems, except "x-…". Touches nothing but the text.
Checked check(std::string_view text);

/// The same for callers that want a manifest or nothing. Errors: kManifest with the first problem,
/// its line and column, and the number of others; `file_name` is for the message only.
Result<Manifest> parse(std::string_view text, const std::string& file_name);

/// Canonical JSON of one line: parse(print(m)) gives m, and equal manifests print alike.
std::string print(const Manifest& manifest);

/// "container", "fs-only", "hostfs".
const char* service_type_name(ServiceType type);
/// "none", "host".
const char* network_type_name(TargetNetwork::Type type);

}  // namespace mosb::manifest
