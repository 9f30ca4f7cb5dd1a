#include "verity/image_record.h"

#include <array>
#include <limits>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/hex.h"
#include "mosb/base/json.h"
#include "verity/mount_points.h"

namespace mosb::verity {

namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kHexDigest = 2 * kSha256Size;

constexpr char kFuseName[] = "fuse";
constexpr char kDmName[] = "dm";

using Write = ImageMount::Write;
constexpr std::array<std::pair<Write, const char*>, 3> kWriteNames{
    {{Write::kReadOnly, "read-only"}, {Write::kTmpfs, "tmpfs"}, {Write::kUpper, "upper"}}};

std::string write_name(Write write) {
  for (const auto& [value, name] : kWriteNames) {
    if (value == write) {
      return name;
    }
  }
  return "";
}

Result<Write> parse_write(const std::string& text) {
  for (const auto& [value, name] : kWriteNames) {
    if (text == name) {
      return value;
    }
  }
  return Error(Errc::kState, "unknown way of writing");
}

Json to_json(const RecordedLayer& recorded) {
  return Json{{"digest", recorded.layer.digest.str()},
              {"root_hash", recorded.layer.root_hash.hex()},
              {"size", recorded.layer.size.value},
              {"filesystem", filesystem_name(recorded.layer.filesystem)},
              {"device", recorded.device}};
}

Result<RecordedLayer> parse_layer(const Json& json) {
  const Digest digest = MOSB_TRY(Digest::parse(MOSB_TRY(json::require_string(json, "digest"))));
  const RootHash root_hash =
      MOSB_TRY(RootHash::parse(MOSB_TRY(json::require_string(json, "root_hash"))));
  const ByteCount size{MOSB_TRY(json::require_uint(json, "size"))};
  // Records of a mosb that knew squashfs only don't name it.
  const std::string name = MOSB_TRY(json::optional_string(json, "filesystem"))
                               .value_or(filesystem_name(Filesystem::kSquashfs));
  const auto filesystem = parse_filesystem(name);
  if (!filesystem) {
    return Error(Errc::kState, "unknown file system");
  }
  return RecordedLayer{LayerSource{"", size, root_hash, digest, *filesystem},
                       MOSB_TRY(json::require_string(json, "device"))};
}

Result<std::optional<IdRange>> parse_idmap(const Json& json) {
  const Json* range = MOSB_TRY(json::optional_object(json, "idmap"));
  if (range == nullptr) {
    return std::optional<IdRange>();
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t base = MOSB_TRY(json::require_uint(*range, "host_base"));
  const std::uint64_t count = MOSB_TRY(json::require_uint(*range, "count"));
  if (base > kMax || count > kMax) {
    return Error(Errc::kState, "id range out of range");
  }
  return std::optional(
      IdRange{static_cast<std::uint32_t>(base), static_cast<std::uint32_t>(count)});
}

Result<ImageRecord> parse_record(std::string_view text) {
  const Json json = MOSB_TRY(json::parse(text, kMaxRecord));
  ImageRecord record;
  record.target = MOSB_TRY(json::require_string(json, "target"));
  record.display.idmap = MOSB_TRY(parse_idmap(json));
  record.write = MOSB_TRY(parse_write(MOSB_TRY(json::require_string(json, "write"))));
  record.upper_dir = MOSB_TRY(json::require_string(json, "upper_dir"));
  record.label = MOSB_TRY(json::require_string(json, "label"));
  const auto size = MOSB_TRY(json::optional_uint(json, "tmpfs_size"));
  if (size) {
    record.tmpfs_size = ByteCount{*size};
  }
  record.display.userspace_view =
      MOSB_TRY(json::optional_bool(json, "userspace_view")).value_or(false);
  const std::string verifier =
      MOSB_TRY(json::optional_string(json, "verifier")).value_or(kFuseName);
  if (verifier != kFuseName && verifier != kDmName) {
    return Error(Errc::kState, "unknown verifier");
  }
  record.display.verifier = verifier == kDmName ? Verifier::kDm : Verifier::kFuse;
  record.mount_points = MOSB_TRY(json::optional_string_list(json, "mount_points"));
  MOSB_CHECK(check_mount_points(record.mount_points));
  const Json* layers = MOSB_TRY(json::require_array(json, "layers"));
  for (const Json& layer : *layers) {
    record.layers.push_back(MOSB_TRY(parse_layer(layer)));
  }
  return record;
}

bool is_hex_digest(std::string_view text) {
  return text.size() == kHexDigest && from_hex(text).has_value();
}

}  // namespace

std::string ImageRecord::print() const {
  Json json{{"target", target},
            {"write", write_name(write)},
            {"upper_dir", upper_dir},
            {"label", label},
            {"userspace_view", display.userspace_view},
            {"verifier", display.verifier == Verifier::kDm ? kDmName : kFuseName},
            {"layers", Json::array()}};
  if (display.idmap) {
    json["idmap"] = Json{{"host_base", display.idmap->host_base}, {"count", display.idmap->count}};
  }
  if (tmpfs_size) {
    json["tmpfs_size"] = tmpfs_size->value;
  }
  if (!mount_points.empty()) {
    json["mount_points"] = mount_points;
  }
  for (const RecordedLayer& layer : layers) {
    json["layers"].push_back(to_json(layer));
  }
  return json.dump() + "\n";
}

Result<ImageRecord> ImageRecord::parse(std::string_view text) {
  return parse_record(text).as(Errc::kState);
}

std::string record_path(const MountEnvironment& environment, const std::string& target) {
  return images_dir(environment) + "/" + Digest::of(target).hex() + std::string(kSuffix);
}

std::string source_prefix(const MountEnvironment& environment) {
  return "mosb-" + environment.instance + ":";
}

std::string overlay_source(const MountEnvironment& environment, std::string_view record) {
  return source_prefix(environment) + Digest::of(record).hex();
}

std::optional<LiveImage> live_image_of(const MountEnvironment& environment,
                                       std::string_view record_text,
                                       const MountTable& table) {
  auto record = ImageRecord::parse(record_text);
  if (!record) {
    return std::nullopt;
  }
  const MountEntry* mount = table.top_at(record->target);
  if (mount == nullptr || mount->type != "overlay" ||
      mount->source != overlay_source(environment, record_text)) {
    return std::nullopt;
  }
  return LiveImage{*std::move(record), *mount};
}

Result<std::optional<LiveImage>> find_live_image(const MountEnvironment& environment,
                                                 const std::string& target,
                                                 const MountTable& table) {
  const auto text = read_file(record_path(environment, target), kMaxRecord);
  if (!text) {
    const bool none = text.error().sys_errno() == ENOENT;
    return none ? Result<std::optional<LiveImage>>(std::nullopt) : text.error();
  }
  auto live = live_image_of(environment, *text, table);
  if (live && live->record.target != target) {
    live.reset();
  }
  return live;
}

Result<std::vector<std::string>> list_records(const MountEnvironment& environment) {
  std::vector<std::string> paths;
  for (const std::string& name : MOSB_TRY(names_in(images_dir(environment)))) {
    if (name.ends_with(kSuffix) && is_hex_digest(name.substr(0, name.size() - kSuffix.size()))) {
      paths.push_back(images_dir(environment) + "/" + name);
    }
  }
  return paths;
}

}  // namespace mosb::verity
