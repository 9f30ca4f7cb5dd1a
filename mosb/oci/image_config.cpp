#include "mosb/oci/image_config.h"

#include <algorithm>
#include <limits>
#include <span>

#include "mosb/base/number.h"
#include "mosb/base/signal_name.h"
#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxUserLength = 256;
constexpr std::size_t kMaxPathLength = 4095;
/// (uid_t)-1 means "no change" to the kernel.
constexpr std::uint64_t kMaxId = 4294967294;
constexpr std::uint64_t kMaxPort = 65535;
constexpr std::size_t kMaxNamedThings = 1024;

Error bad(const std::string& what, std::string_view value, const std::string& why) {
  return Error(Errc::kContent, what + " " + quote(value) + ": " + why);
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

/// What goes to execve(): no NUL, nothing that the kernel would refuse.
Status check_strings(std::span<const std::string> strings, const std::string& what) {
  for (const std::string& text : strings) {
    if (has_nul(text)) {
      return bad(what, text, "it has a NUL");
    }
    if (text.size() >= kMaxArgumentLength.value) {
      return bad(what, text, "it is longer than " + std::to_string(kMaxArgumentLength.value - 1) +
                                 " bytes");
    }
  }
  return ok();
}

std::uint64_t total_bytes(std::span<const std::string> strings) {
  std::uint64_t total = 0;
  for (const std::string& text : strings) {
    total += text.size() + 1;
  }
  return total;
}

Status check_arguments(const ImageConfig& config) {
  MOSB_CHECK(check_strings(config.entrypoint, "Entrypoint"));
  MOSB_CHECK(check_strings(config.cmd, "Cmd"));
  if (config.entrypoint.size() + config.cmd.size() > kMaxArguments) {
    return Error(Errc::kContent,
                 "Entrypoint and Cmd have more than " + std::to_string(kMaxArguments) +
                     " arguments");
  }
  if (total_bytes(config.entrypoint) + total_bytes(config.cmd) > kMaxArgumentBytes.value) {
    return Error(Errc::kContent,
                 "Entrypoint and Cmd have more than " + std::to_string(kMaxArgumentBytes.value) +
                     " bytes");
  }
  return ok();
}

Status check_environment(const std::vector<std::string>& env) {
  MOSB_CHECK(check_strings(env, "Env"));
  for (const std::string& entry : env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return bad("Env", entry, "it is not NAME=value");
    }
    if (!is_printable_line(entry.substr(0, equals))) {
      return bad("Env", entry, "its name has control characters");
    }
  }
  if (env.size() > kMaxEnvironment || total_bytes(env) > kMaxEnvironmentBytes.value) {
    return Error(Errc::kContent,
                 "Env has more than " + std::to_string(kMaxEnvironment) + " variables or " +
                     std::to_string(kMaxEnvironmentBytes.value) + " bytes");
  }
  return ok();
}

Status check_user(const std::string& user) {
  if (user.size() > kMaxUserLength) {
    return bad("User", user, "it is longer than " + std::to_string(kMaxUserLength) + " bytes");
  }
  const std::vector<std::string> parts = split(user, ':');
  if (parts.size() > 2) {
    return bad("User", user, "it is not user or user:group");
  }
  for (const std::string& part : parts) {
    const bool numeric = part.find_first_not_of("0123456789") == std::string::npos;
    const bool spaced = part.find_first_of(" /") != std::string::npos;
    if (part.empty() || part.front() == '-' || spaced || !is_printable_line(part)) {
      return bad("User", user, "it is not user or user:group");
    }
    if (numeric && !parse_uint(part, 0, kMaxId)) {
      return bad("User", user, "the number is not in the range 0 to " + std::to_string(kMaxId));
    }
  }
  return ok();
}

Status check_path(const std::string& what, const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return bad(what, path, "it is not an absolute path");
  }
  if (path.size() > kMaxPathLength || !is_printable_line(path)) {
    return bad(what, path, "it is too long or has control characters");
  }
  const std::vector<std::string> parts = split(path, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return bad(what, path, "it has '..'");
  }
  return ok();
}

Status check_port(const std::string& port) {
  const std::size_t slash = port.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
  const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!known || !parse_uint(port.substr(0, slash), 1, kMaxPort)) {
    return bad("ExposedPorts", port, "it is not PORT, PORT/tcp, PORT/udp or PORT/sctp");
  }
  return ok();
}

Status check(const ImageConfig& config) {
  MOSB_CHECK(check_arguments(config));
  MOSB_CHECK(check_environment(config.env));
  if (config.user) {
    MOSB_CHECK(check_user(*config.user));
  }
  if (config.working_dir) {
    MOSB_CHECK(check_path("WorkingDir", *config.working_dir));
  }
  if (config.stop_signal) {
    MOSB_CHECK(parse_signal(*config.stop_signal).context("StopSignal"));
  }
  for (const std::string& port : config.exposed_ports) {
    MOSB_CHECK(check_port(port));
  }
  for (const std::string& volume : config.volumes) {
    MOSB_CHECK(check_path("Volumes", volume));
  }
  return ok();
}

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
  return check(config);
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
  ImageConfig config{.platform = MOSB_TRY(parse_platform(document))};
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
                 "the config has " + std::to_string(config.diff_ids.size()) +
                     " diff_ids for " + std::to_string(manifest.layers.size()) + " layers");
  }
  const auto& promised = manifest_descriptor.platform;
  if (promised && !matches(config.platform, *promised)) {
    return Error(Errc::kContent,
                 "the index says " + promised->str() + ", the config " + config.platform.str());
  }
  return ok();
}

}  // namespace mosb::oci
