#include "mosb/base/duration.h"
#include "mosb/base/json.h"
#include "mosb/base/signal_name.h"
#include "mosb/manifest/manifest.h"

namespace mosb::manifest {

namespace {

std::string cpu_text(std::uint32_t millis) {
  return std::to_string(millis) + "m";
}

/// With the largest unit that divides it; a size that no unit fits is not parsed either.
std::string size_text(ByteCount size) {
  for (const auto& [unit, name] :
       {std::pair{kGiB, "GiB"}, std::pair{kMiB, "MiB"}, std::pair{kKiB, "KiB"}}) {
    if (size.value % unit == 0) {
      return std::to_string(size.value / unit) + name;
    }
  }
  return std::to_string(size.value / 1000) + "K";
}

Json print_volume(const Volume& volume) {
  Json json{{"label", volume.label}, {"persistent", volume.persistent}};
  if (volume.nsgroup) {
    json["nsgroup"] = *volume.nsgroup;
  }
  if (volume.size) {
    json["size"] = size_text(*volume.size);
  }
  return json;
}

Json print_mounts(const Target& target) {
  Json mounts = Json::array();
  for (const StorageMount& mount : target.storage) {
    Json json{{"dest", mount.dest}, {"label", mount.label}};
    if (mount.readonly) {
      json["readonly"] = true;
    }
    mounts.push_back(std::move(json));
  }
  return mounts;
}

Json print_resources(const Resources& resources) {
  Json json = Json::object();
  if (resources.memory) {
    json["memory"] = size_text(*resources.memory);
  }
  if (resources.cpu_millis) {
    json["cpu"] = cpu_text(*resources.cpu_millis);
  }
  if (resources.pids) {
    json["pids"] = *resources.pids;
  }
  return json;
}

Json print_environment(const Target& target) {
  Json json = Json::object();
  for (const auto& [name, value] : target.environment) {
    json[name] = value ? Json(*value) : Json(nullptr);
  }
  return json;
}

Json print_stop(const Target& target) {
  Json json = Json::object();
  if (target.stop_signal) {
    json["signal"] = signal_name(*target.stop_signal);
  }
  if (target.stop_grace_period) {
    json["grace_period"] = duration_text(*target.stop_grace_period);
  }
  return json;
}

void add_if_any(Json& to, const char* name, Json value) {
  if (!value.empty()) {
    to[name] = std::move(value);
  }
}

template <class T>
void add_if_set(Json& to, const char* name, const std::optional<T>& value) {
  if (value) {
    to[name] = *value;
  }
}

/// The fields of version 2.
void print_container(const Target& target, Json& json) {
  add_if_set(json, "entrypoint", target.entrypoint);
  add_if_set(json, "args", target.args);
  add_if_any(json, "environment", print_environment(target));
  add_if_set(json, "user", target.user);
  add_if_set(json, "working_dir", target.working_dir);
  add_if_set(json, "hostname", target.hostname);
  add_if_any(json, "stop", print_stop(target));
  json["rootfs"] = {{"readonly", target.rootfs_readonly}};
  add_if_any(json, "resources", print_resources(target.resources));
}

std::string address_text(const TargetAddress& address) {
  return address.address.str() + (address.length ? "/" + std::to_string(*address.length) : "");
}

Json print_port(const TargetPort& port, int version) {
  Json json{{"host", port.host}, {"container", port.container}};
  if (version < 2) {
    return json;
  }
  if (!port.name.empty()) {
    json["name"] = port.name;
  }
  json["protocol"] = protocol_name(port.protocol);
  if (port.host_ip) {
    json["host_ip"] = port.host_ip->str();
  }
  json["wait"] = port.wait ? duration_text(*port.wait) : "none";
  return json;
}

Json print_dns(const TargetDns& dns) {
  if (dns.from == TargetDns::From::kNone) {
    return "none";
  }
  Json json = Json::object();
  for (const IpAddress& server : dns.servers) {
    json["servers"].push_back(server.str());
  }
  add_if_any(json, "search", dns.search);
  add_if_any(json, "options", dns.options);
  return json;
}

Json print_network(const TargetNetwork& network, int version) {
  Json json{{"type", network_type_name(network.type)}};
  if (network.ipv4) {
    json["ipv4"] = address_text(*network.ipv4);
  }
  if (network.ipv6) {
    json["ipv6"] = address_text(*network.ipv6);
  }
  Json ports = Json::array();
  for (const TargetPort& port : network.ports) {
    ports.push_back(print_port(port, version));
  }
  add_if_any(json, "ports", std::move(ports));
  if (network.isolate) {
    json["isolate"] = true;
  }
  if (network.dns != TargetDns()) {
    json["dns"] = print_dns(network.dns);
  }
  return json;
}

Json print_target(const Target& target, int version) {
  Json json{{"service_name", target.service_name},
            {"source", target.source},
            {"version", target.version},
            {"service_type", service_type_name(target.service_type)},
            {"nsgroup", target.nsgroup.value_or("none")},
            {"network", print_network(target.network, version)}};
  add_if_any(json, "storage", print_mounts(target));
  if (target.digest) {
    json["digest"] = target.digest->str();
  }
  add_if_set(json, "size", target.size);
  if (version >= 2 && target.service_type == ServiceType::kContainer) {
    print_container(target, json);
  }
  return json;
}

}  // namespace

std::string print(const Manifest& manifest) {
  Json json{
      {"version", manifest.version},
      {"product", manifest.product},
      {"update_type", manifest.update_type == UpdateType::kComplete ? "complete" : "partial"}};
  Json storage = Json::array();
  for (const Volume& volume : manifest.storage) {
    storage.push_back(print_volume(volume));
  }
  add_if_any(json, "storage", std::move(storage));
  json["targets"] = Json::array();
  for (const Target& target : manifest.targets) {
    json["targets"].push_back(print_target(target, manifest.version));
  }
  // Escaped beyond ASCII: a manifest must not hold some characters as they are.
  return json.dump(-1, ' ', true);
}

}  // namespace mosb::manifest
