#include "lxc/spec_codec.h"

#include <limits>

#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxHelperSpec{4 * kMiB};

Result<std::uint32_t> require_u32(const Json& object, const std::string& name) {
  const std::uint64_t value = MOSB_TRY(json::require_uint(object, name));
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    return Error(Errc::kContent, "'" + name + "' is too large");
  }
  return static_cast<std::uint32_t>(value);
}

Result<bool> require_bool(const Json& object, const std::string& name) {
  const std::optional<bool> value = MOSB_TRY(json::optional_bool(object, name));
  if (!value) {
    return Error(Errc::kContent, "'" + name + "' is missing");
  }
  return *value;
}

std::string network_name(Network network) {
  switch (network) {
    case Network::kNone:
      return "none";
    case Network::kHost:
      return "host";
    case Network::kConnected:
      return "connected";
  }
  return "";
}

Result<Network> parse_network(const std::string& name) {
  for (const Network network : {Network::kNone, Network::kHost, Network::kConnected}) {
    if (name == network_name(network)) {
      return network;
    }
  }
  return Error(Errc::kContent, "'network' is " + quote(name) + ", which is none");
}

Json limits_json(const Limits& limits) {
  Json out = Json::object();
  if (limits.memory) {
    out["memory"] = limits.memory->value;
  }
  if (limits.pids) {
    out["pids"] = *limits.pids;
  }
  if (limits.cpu_millis) {
    out["cpu_millis"] = *limits.cpu_millis;
  }
  return out;
}

Result<Limits> parse_limits(const Json& object) {
  Limits limits;
  const auto memory = MOSB_TRY(json::optional_uint(object, "memory"));
  limits.memory = memory ? std::optional(ByteCount{*memory}) : std::nullopt;
  limits.pids = MOSB_TRY(json::optional_uint(object, "pids"));
  if (MOSB_TRY(json::optional_uint(object, "cpu_millis"))) {
    limits.cpu_millis = MOSB_TRY(require_u32(object, "cpu_millis"));
  }
  return limits;
}

Result<std::vector<BindMount>> parse_mounts(const Json& object) {
  std::vector<BindMount> mounts;
  for (const Json& entry : *MOSB_TRY(json::require_array(object, "mounts"))) {
    BindMount mount;
    mount.source = MOSB_TRY(json::require_string(entry, "source"));
    mount.dest = MOSB_TRY(json::require_string(entry, "dest"));
    mount.readonly = MOSB_TRY(require_bool(entry, "readonly"));
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<std::vector<FileBind>> parse_files(const Json& object) {
  std::vector<FileBind> files;
  for (const Json& entry : *MOSB_TRY(json::require_array(object, "files"))) {
    files.push_back({MOSB_TRY(json::require_string(entry, "source")),
                     MOSB_TRY(json::require_string(entry, "dest"))});
  }
  return files;
}

}  // namespace

Json to_json(const HelperSpec& helper) {
  const ContainerSpec& spec = helper.spec;
  Json out = {
      {"name", spec.name},
      {"instance", spec.instance},
      {"hostname", spec.hostname},
      {"rootfs", spec.rootfs},
      {"rootfs_readonly", spec.rootfs_readonly},
      {"cwd", spec.process.cwd},
      {"program", spec.process.argv.empty() ? "" : spec.process.argv[0]},
      {"network", network_name(spec.network)},
      {"mounts", Json::array()},
      {"files", Json::array()},
      {"limits", limits_json(spec.limits)},
      {"stop_signal", spec.stop_signal},
      {"run_dir", spec.run_dir},
      {"state_dir", spec.state_dir},
      {"log_path", spec.log_path},
      {"log_max", spec.log_max.value},
      {"log_keep", spec.log_keep},
      {"libexec_dir", helper.environment.libexec_dir},
      {"start_timeout_ms", helper.environment.start_timeout.count()},
  };
  if (spec.idmap) {
    out["idmap"] = {{"host_base", spec.idmap->host_base}, {"count", spec.idmap->count}};
  }
  for (const BindMount& mount : spec.mounts) {
    out["mounts"].push_back(
        {{"source", mount.source}, {"dest", mount.dest}, {"readonly", mount.readonly}});
  }
  for (const FileBind& file : spec.files) {
    out["files"].push_back({{"source", file.source}, {"dest", file.dest}});
  }
  return out;
}

Result<HelperSpec> parse_helper_spec(std::string_view text) {
  const Json object = MOSB_TRY(json::parse(text, kMaxHelperSpec));
  HelperSpec helper;
  ContainerSpec& spec = helper.spec;
  spec.name = MOSB_TRY(json::require_string(object, "name"));
  spec.instance = MOSB_TRY(json::require_string(object, "instance"));
  spec.hostname = MOSB_TRY(json::require_string(object, "hostname"));
  spec.rootfs = MOSB_TRY(json::require_string(object, "rootfs"));
  spec.rootfs_readonly = MOSB_TRY(require_bool(object, "rootfs_readonly"));
  spec.process.cwd = MOSB_TRY(json::require_string(object, "cwd"));
  spec.process.argv = {MOSB_TRY(json::require_string(object, "program"))};
  spec.network = MOSB_TRY(parse_network(MOSB_TRY(json::require_string(object, "network"))));
  spec.mounts = MOSB_TRY(parse_mounts(object));
  spec.files = MOSB_TRY(parse_files(object));
  spec.limits = MOSB_TRY(parse_limits(*MOSB_TRY(json::require_object(object, "limits"))));
  spec.stop_signal = static_cast<int>(MOSB_TRY(require_u32(object, "stop_signal")));
  spec.run_dir = MOSB_TRY(json::require_string(object, "run_dir"));
  spec.state_dir = MOSB_TRY(json::require_string(object, "state_dir"));
  spec.log_path = MOSB_TRY(json::require_string(object, "log_path"));
  spec.log_max = ByteCount{MOSB_TRY(json::require_uint(object, "log_max"))};
  spec.log_keep = MOSB_TRY(require_u32(object, "log_keep"));
  if (const Json* idmap = MOSB_TRY(json::optional_object(object, "idmap"))) {
    spec.idmap =
        IdRange{MOSB_TRY(require_u32(*idmap, "host_base")), MOSB_TRY(require_u32(*idmap, "count"))};
  }
  helper.environment.libexec_dir = MOSB_TRY(json::require_string(object, "libexec_dir"));
  helper.environment.start_timeout =
      std::chrono::milliseconds(MOSB_TRY(require_u32(object, "start_timeout_ms")));
  return helper;
}

}  // namespace mosb::lxc
