#include "mosb/agent/compose.h"

#include <algorithm>
#include <utility>

#include "mosb/agent/layer_sources.h"
#include "mosb/base/json.h"
#include "mosb/base/signal_name.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr ByteCount kLogMax{10 * kMiB};
constexpr unsigned kLogKeep = 5;
constexpr std::uint64_t kDefaultPids = 512;

/// Later settings win; a variable that the manifest sets to null goes away.
std::vector<std::string> environment(const oci::ImageConfig& config,
                                     const manifest::Target& target) {
  std::vector<std::string> env;
  const auto put = [&env](const std::string& setting) {
    const std::string name = setting.substr(0, setting.find('=') + 1);
    std::erase_if(env, [&](const std::string& e) { return e.compare(0, name.size(), name) == 0; });
    env.push_back(setting);
  };
  put(kDefaultPath);
  for (const std::string& setting : config.env) {
    put(setting);
  }
  for (const auto& [name, value] : target.environment) {
    if (value) {
      put(name + "=" + *value);
    } else {
      std::erase_if(env,
                    [prefix = name + "="](const std::string& e) { return e.starts_with(prefix); });
    }
  }
  return env;
}

/// Docker's rule: an entrypoint of the manifest's own leaves the image's Cmd behind.
Result<std::vector<std::string>> arguments(const oci::ImageConfig& config,
                                           const manifest::Target& target) {
  std::vector<std::string> argv = target.entrypoint ? *target.entrypoint : config.entrypoint;
  const std::vector<std::string> rest = target.args         ? *target.args
                                        : target.entrypoint ? std::vector<std::string>()
                                                            : config.cmd;
  argv.insert(argv.end(), rest.begin(), rest.end());
  if (argv.empty() || argv.front().empty()) {
    return Error(Errc::kContent, "the image has no Entrypoint and no Cmd")
        .with_hint(
            "give the target an `entrypoint` (manifest version 2) or build the image with one");
  }
  return argv;
}

Result<int> stop_signal(const oci::ImageConfig& config, const manifest::Target& target) {
  if (target.stop_signal) {
    return *target.stop_signal;
  }
  return parse_signal(config.stop_signal.value_or("TERM"));
}

Status check_host_ids(const manifest::Target& target, const Configuration& configuration) {
  if (target.nsgroup || target.service_type != manifest::ServiceType::kContainer) {
    return ok();
  }
  if (target.network.type == manifest::TargetNetwork::Type::kHost) {
    return Error(Errc::kPolicy,
                 "service " + quote(target.service_name) +
                     " would run with the host's uids on the host's network, where root can "
                     "reach the host's control sockets")
        .with_hint("name an nsgroup for it");
  }
  if (!configuration.allow_host_ids) {
    return Error(Errc::kPolicy,
                 "service " + quote(target.service_name) + " would run with the host's uids")
        .with_hint("name an nsgroup for it, or set policy.allow_host_ids in mosb.yaml");
  }
  return ok();
}

std::optional<verity::IdRange> mount_range(const manifest::Target& target,
                                           const UidRanges& ranges) {
  const std::string group = uid_group(target);
  if (group.empty()) {
    return std::nullopt;
  }
  return verity::IdRange{ranges.at(group), kRangeSize};
}

lxc::Network container_network(manifest::TargetNetwork::Type type) {
  switch (type) {
    case manifest::TargetNetwork::Type::kNone:
      break;
    case manifest::TargetNetwork::Type::kHost:
      return lxc::Network::kHost;
    case manifest::TargetNetwork::Type::kSimple:
      return lxc::Network::kConnected;
  }
  return lxc::Network::kNone;
}

/// The service's place at the bridge, and the files that come with it.
Status connect(const manifest::Target& target, const ComposeContext& context, ServiceSpec& spec) {
  const auto lease = context.reserved.addresses.leases.find(target.service_name);
  if (lease == context.reserved.addresses.leases.end()) {
    return Error(Errc::kState,
                 "service " + quote(target.service_name) + " has no address of the bridge")
        .with_hint("apply its manifest again");
  }
  spec.network = ServiceNetwork{context.reserved.addresses.bridge,
                                service_port(target, lease->second, context.instance)};
  const std::string dir = context.paths.name_files(target.service_name);
  for (const auto& [name, dest] : {std::pair{"hosts", kHostsFile},
                                   std::pair{"resolv.conf", kResolvConfFile},
                                   std::pair{"hostname", kHostnameFile}}) {
    spec.container.files.push_back({dir + "/" + name, dest});
    spec.image.mount_points.emplace_back(dest);
  }
  for (const manifest::TargetPort& port : target.network.ports) {
    if (port.wait) {
      spec.awaited.push_back(port);
    }
  }
  return ok();
}

Result<lxc::ContainerSpec> container_spec(const manifest::Target& target,
                                          const oci::ImageConfig& config,
                                          const ComposeContext& context) {
  lxc::ContainerSpec spec;
  spec.name = target.service_name;
  spec.instance = context.instance;
  spec.hostname = target.hostname.value_or(target.service_name);
  spec.rootfs_readonly = target.rootfs_readonly;
  spec.process.argv = MOSB_TRY(arguments(config, target));
  spec.process.env = environment(config, target);
  spec.process.cwd = target.working_dir.value_or(config.working_dir.value_or("/"));
  if (spec.process.cwd.empty()) {
    spec.process.cwd = "/";
  }
  if (const auto range = mount_range(target, context.reserved.ranges)) {
    spec.idmap = lxc::IdRange{range->host_base, range->count};
  }
  spec.network = container_network(target.network.type);
  spec.limits.memory = target.resources.memory;
  spec.limits.pids = target.resources.pids.value_or(kDefaultPids);
  spec.limits.cpu_millis = target.resources.cpu_millis;
  spec.stop_signal = MOSB_TRY(stop_signal(config, target));
  spec.run_dir = context.paths.container_run(spec.name);
  spec.state_dir = context.paths.service_state(spec.name);
  spec.log_path = context.paths.service_log(spec.name);
  spec.log_max = kLogMax;
  spec.log_keep = kLogKeep;
  return spec;
}

std::vector<VolumeBind> volume_binds(const manifest::Manifest& manifest,
                                     const manifest::Target& target) {
  std::vector<VolumeBind> binds;
  for (const manifest::StorageMount& mount : target.storage) {
    const auto volume = std::find_if(manifest.storage.begin(),
                                     manifest.storage.end(),
                                     [&](const auto& v) { return v.label == mount.label; });
    const bool persistent = volume != manifest.storage.end() && volume->persistent;
    binds.push_back({mount.label, mount.dest, mount.readonly, persistent});
  }
  return binds;
}

std::string optional_text(const std::optional<ByteCount>& value) {
  return value ? std::to_string(value->value) : "";
}

/// What a running service cannot be given anew: its own end of the wire. Forwards and isolation are
/// rules of the host.
std::string network_text(const std::optional<ServiceNetwork>& network) {
  if (!network) {
    return "";
  }
  const net::ServicePort& port = network->port;
  const net::BridgeSpec& bridge = network->bridge;
  return port.mac.str() + " " + port.ipv4.str() + " " + bridge.ipv4.str() + " " +
         (port.ipv6 && bridge.ipv6 ? port.ipv6->str() + " " + bridge.ipv6->str() : "");
}

/// A digest over everything that makes a difference to what runs.
std::string fingerprint_of(const ServiceSpec& spec) {
  Json layers = Json::array();
  for (const verity::LayerSource& layer : spec.image.layers) {
    layers.push_back({layer.digest.str(), layer.root_hash.hex()});
  }
  Json binds = Json::array();
  for (const VolumeBind& bind : spec.volumes) {
    binds.push_back({bind.label, bind.dest, bind.readonly});
  }
  const lxc::ContainerSpec& c = spec.container;
  const auto bytes = [](const std::vector<std::string>& list) {
    Json out = Json::array();
    for (const std::string& s : list) {
      out.push_back(Digest::of(s).hex());  // environment may hold what is not UTF-8
    }
    return out;
  };
  const Json all{spec.name,
                 static_cast<int>(spec.type),
                 layers,
                 binds,
                 static_cast<int>(spec.image.write),
                 spec.image.idmap ? spec.image.idmap->host_base : 0,
                 c.hostname,
                 bytes(c.process.argv),
                 bytes(c.process.env),
                 Digest::of(c.process.cwd).hex(),
                 Digest::of(spec.user).hex(),
                 static_cast<int>(c.network),
                 network_text(spec.network),
                 c.rootfs_readonly,
                 c.stop_signal,
                 spec.stop_timeout.count(),
                 optional_text(c.limits.memory),
                 c.limits.pids.value_or(0),
                 c.limits.cpu_millis.value_or(0)};
  constexpr std::size_t kDigits = 16;
  return Digest::of(all.dump()).hex().substr(0, kDigits);
}

}  // namespace

std::string uid_group(const manifest::Target& target) {
  const bool container = target.service_type == manifest::ServiceType::kContainer;
  return container ? target.nsgroup.value_or("") : "";
}

std::string rootfs_path(const Paths& paths,
                        const std::string& name,
                        const std::string& fingerprint) {
  return paths.service_run(name) + "/rootfs-" + fingerprint;
}

std::string file_system_path(const Paths& paths, const std::string& name) {
  return paths.file_systems() + "/" + name;
}

Result<ServiceSpec> compose(const manifest::Manifest& manifest,
                            const manifest::Target& target,
                            const AdmittedImage& image,
                            const ComposeContext& context) {
  MOSB_CHECK(check_host_ids(target, context.configuration));
  ServiceSpec spec;
  spec.name = target.service_name;
  spec.type = target.service_type;
  spec.image.layers = MOSB_TRY(
      layer_sources(image.manifest, context.store).context("image " + quote(image.image.ref)));
  if (spec.type == manifest::ServiceType::kContainer) {
    spec.image.idmap = mount_range(target, context.reserved.ranges);
    spec.image.write = target.rootfs_readonly ? verity::ImageMount::Write::kReadOnly
                                              : verity::ImageMount::Write::kTmpfs;
    spec.container = MOSB_TRY(container_spec(target, image.config, context)
                                  .context("service " + quote(target.service_name)));
    spec.user = target.user.value_or(image.config.user.value_or(""));
    spec.stop_timeout = target.stop_grace_period.value_or(spec.stop_timeout);
    spec.volumes = volume_binds(manifest, target);
    if (is_connected(target)) {
      MOSB_CHECK(connect(target, context, spec));
    }
  } else {
    spec.image.write = verity::ImageMount::Write::kReadOnly;
  }
  spec.fingerprint = fingerprint_of(spec);
  spec.image.target = rootfs_path(context.paths, spec.name, spec.fingerprint);
  spec.image.label = image.image.ref;
  spec.container.rootfs = spec.image.target;
  return spec;
}

}  // namespace mosb::agent
