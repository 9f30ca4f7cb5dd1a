#include "mosb/oci/image_config.h"

#include <algorithm>

#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/image_config_check.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxNamedThings = 1024;

/// `{"a": {}, "b": {}}`, OCI's way to write a set.
Result<std::vector<std::string>> parse_set(const Json& object, const std::string& name) {
  std::vector<std::string> members;
  const Json* const set = MOSB_TRY(json::optional_object(object, name));
  if (set == nullptr) {
    return members;
  }
  if (set->size() > kMaxNamedThings) {
    return Error(Errc::kContent,
                 quote(name) + " has more than " + std::to_string(kMaxNamedThings) + " members");
  }
  for (const auto& [key, value] : set->items()) {
    members.push_back(key);
  }
  std::sort(members.begin(), members.end());
  return members;
}

Json print_set(const std::vector<std::string>& members) {
  Json set = Json::object();
  for (const std::string& member : members) {
    set[member] = Json::object();
  }
  return set;
}

/// "" counts as absent: Go's tools write it for a field that was never set.
Result<std::optional<std::string>> parse_text(const Json& object, const std::string& name) {
  std::optional<std::string> text = MOSB_TRY(json::optional_string(object, name));
  return text && !text->empty() ? text : std::nullopt;
}

Result<std::vector<Digest>> parse_diff_ids(const Json& document) {
  const Json& rootfs = *MOSB_TRY(json::require_object(document, "rootfs"));
  const std::string type = MOSB_TRY(json::require_string(rootfs, "type").context("rootfs"));
  if (type != "layers") {
    return Error(Errc::kContent, "rootfs: type is " + quote(type) + ", not 'layers'");
  }
  std::vector<Digest> diff_ids;
  for (const std::string& text :
       MOSB_TRY(json::optional_string_list(without_nulls(rootfs), "diff_ids").context("rootfs"))) {
    diff_ids.push_back(MOSB_TRY(Digest::parse(text).context("diff_ids")));
  }
  return diff_ids;
}

Status parse_execution(const Json& execution, ImageConfig& config) {
  config.user = MOSB_TRY(parse_text(execution, "User"));
  config.working_dir = MOSB_TRY(parse_text(execution, "WorkingDir"));
  config.stop_signal = MOSB_TRY(parse_text(execution, "StopSignal"));
  config.env = MOSB_TRY(json::optional_string_list(execution, "Env"));
  config.entrypoint = MOSB_TRY(json::optional_string_list(execution, "Entrypoint"));
  config.cmd = MOSB_TRY(json::optional_string_list(execution, "Cmd"));
  config.exposed_ports = MOSB_TRY(parse_set(execution, "ExposedPorts"));
  config.volumes = MOSB_TRY(parse_set(execution, "Volumes"));
  config.labels = MOSB_TRY(json::optional_string_map(execution, "Labels"));
  return check_image_config(config);
}

Json print_execution(const ImageConfig& config) {
  Json out = Json::object();
  const auto put_text = [&](const char* name, const std::optional<std::string>& text) {
    if (text) {
      out[name] = *text;
    }
  };
  const auto put_list = [&](const char* name, const std::vector<std::string>& list) {
    if (!list.empty()) {
      out[name] = list;
    }
  };
  put_text("User", config.user);
  put_text("WorkingDir", config.working_dir);
  put_text("StopSignal", config.stop_signal);
  put_list("Env", config.env);
  put_list("Entrypoint", config.entrypoint);
  put_list("Cmd", config.cmd);
  if (!config.exposed_ports.empty()) {
    out["ExposedPorts"] = print_set(config.exposed_ports);
  }
  if (!config.volumes.empty()) {
    out["Volumes"] = print_set(config.volumes);
  }
  if (!config.labels.empty()) {
    out["Labels"] = config.labels;
  }
  return out;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(std::string_view bytes) {
  const Json parsed = MOSB_TRY(json::parse(bytes, kMaxConfigSize));
  if (!parsed.is_object()) {
    return Error(Errc::kContent, "not a JSON object");
  }
  const Json document = without_nulls(parsed);
  if (document.contains("layers") || document.contains("manifests")) {
    return Error(Errc::kContent, "an image config must not have 'layers' or 'manifests'");
  }
  ImageConfig config;
  config.platform = MOSB_TRY(parse_platform(document));
  config.diff_ids = MOSB_TRY(parse_diff_ids(document));
  if (const Json* const execution = MOSB_TRY(json::optional_object(document, "config"))) {
    MOSB_CHECK(parse_execution(without_nulls(*execution), config));
  }
  return config;
}

std::string ImageConfig::print() const {
  Json document = to_json(platform);
  document["config"] = print_execution(*this);
  Json ids = Json::array();
  for (const Digest& id : diff_ids) {
    ids.push_back(id.str());
  }
  document["rootfs"] = {{"type", "layers"}, {"diff_ids", ids}};
  return print_json(document);
}

Status require_config_of(const ImageConfig& config,
                         const Manifest& manifest,
                         const Descriptor& manifest_descriptor) {
  if (config.diff_ids.size() != manifest.layers.size()) {
    return Error(Errc::kContent,
                 "the config has " + std::to_string(config.diff_ids.size()) + " diff_ids for " +
                     std::to_string(manifest.layers.size()) + " layers");
  }
  const auto& promised = manifest_descriptor.platform;
  if (promised && !matches(config.platform, *promised)) {
    return Error(Errc::kContent,
                 "the index says " + promised->str() + ", the config " + config.platform.str());
  }
  return ok();
}

}  // namespace mosb::oci
