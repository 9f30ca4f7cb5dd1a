#include "mosb/manifest/read_target.h"

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/manifest/names.h"
#include "mosb/manifest/scalar.h"
#include "mosb/oci/reference.h"

namespace mosb::manifest {

namespace {

Status check_source(std::string_view source) {
  auto reference = oci::Reference::parse(source);
  if (!reference) {
    const std::string& hint = reference.error().hint();
    return Error(Errc::kManifest,
                 reference.error().message() + (hint.empty() ? "" : " (" + hint + ")"));
  }
  if (reference->kind == oci::Reference::Kind::kStore) {
    return Error(Errc::kManifest,
                 quote(source) + " names no place: give the reference that it was pulled from");
  }
  return ok();
}

Result<std::uint64_t> as_pids(const Node& node) {
  // PID_MAX_LIMIT of 64-bit kernels.
  return as_uint(node, 1, 4'194'304);
}

Result<std::uint64_t> as_any_uint(const Node& node) {
  return as_uint(node, 0, std::numeric_limits<std::int64_t>::max());
}

std::optional<std::vector<std::string>> read_arguments(const ObjectReader& target,
                                                       std::string_view name) {
  if (target.find(name) == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> arguments;
  for (const auto& [path, node] : target.get_list(name)) {
    Result<std::string> argument = as_text(*node);
    if (!argument) {
      target.findings().add(node->mark, path, argument.error().message());
    } else {
      arguments.push_back(*std::move(argument));
    }
  }
  return arguments;
}

void read_environment(const ObjectReader& target, Target& out) {
  const Node* const environment = target.find("environment");
  if (environment == nullptr) {
    return;
  }
  if (environment->kind != Node::Kind::kMapping) {
    target.problem("environment", environment->mark, "wants a mapping of names to values");
  }
  for (const Node::Member& member : environment->members) {
    const std::string path = target.path("environment") + "." + member.name;
    if (const Status good = check_variable_name(member.name); !good) {
      target.findings().add(member.mark, path, good.error().message());
    }
    std::optional<std::string>& value = out.environment[member.name];
    if (member.value.kind == Node::Kind::kNull) {
      continue;
    }
    Result<std::string> text = as_text(member.value);
    if (!text) {
      target.findings().add(member.value.mark, path, text.error().message());
    } else {
      value = *std::move(text);
    }
  }
}

void check_dest(const ObjectReader& mount,
                const std::string& dest,
                const std::vector<std::pair<std::string, Mark>>& others) {
  for (const auto& [other, mark] : others) {
    if (paths_overlap(dest, other)) {
      mount.problem(
          "dest",
          mount.find("dest")->mark,
          quote(dest) +
              (dest == other ? " stands twice" : " and " + quote(other) + " lie in each other") +
              ", first in line " + std::to_string(mark.line));
      return;
    }
  }
}

std::vector<StorageMount> read_mounts(const ObjectReader& target) {
  std::vector<StorageMount> mounts;
  std::vector<std::pair<std::string, Mark>> dests;
  for (const auto& [path, node] : target.get_list("storage")) {
    const ObjectReader mount(*node, path, mount_fields(), target.findings());
    StorageMount out;
    mount.demand("dest");
    if (auto dest = mount.get_checked("dest", check_mount_dest)) {
      check_dest(mount, *dest, dests);
      dests.emplace_back(*dest, node->mark);
      out.dest = *std::move(dest);
    }
    out.label = mount.require("label", as_line).value_or("");
    out.readonly = mount.get("readonly", as_bool).value_or(false);
    mounts.push_back(std::move(out));
  }
  return mounts;
}

void read_stop(const ObjectReader& target, Target& out) {
  const Node* const node = target.find("stop");
  if (node != nullptr) {
    const ObjectReader stop(*node, target.path("stop"), stop_fields(), target.findings());
    out.stop_signal = stop.get("signal", as_signal);
    out.stop_grace_period = stop.get("grace_period", as_duration);
  }
}

void read_resources(const ObjectReader& target, Target& out) {
  const Node* const node = target.find("resources");
  if (node != nullptr) {
    const ObjectReader resources(
        *node, target.path("resources"), resources_fields(), target.findings());
    out.resources.memory = resources.get("memory", as_size);
    out.resources.cpu_millis = resources.get("cpu", as_cpu_millis);
    out.resources.pids = resources.get("pids", as_pids);
  }
}

void read_rootfs(const ObjectReader& target, Target& out) {
  const Node* const node = target.find("rootfs");
  if (node != nullptr) {
    const ObjectReader rootfs(*node, target.path("rootfs"), rootfs_fields(), target.findings());
    out.rootfs_readonly = rootfs.get("readonly", as_bool).value_or(out.rootfs_readonly);
  }
}

/// What only a service that runs can use.
void refuse_container_fields(const ObjectReader& target, std::string_view type) {
  for (const std::string_view name : {"entrypoint",
                                      "args",
                                      "environment",
                                      "user",
                                      "working_dir",
                                      "hostname",
                                      "stop",
                                      "rootfs",
                                      "resources",
                                      "storage"}) {
    const Node* const value = target.find(name);
    if (value != nullptr &&
        (!value->items.empty() || !value->members.empty() || value->is_scalar())) {
      target.problem(name, value->mark, "does not go with the service type " + quote(type));
    }
  }
}

void read_service_type(const ObjectReader& target, Target& out) {
  static constexpr std::array<std::string_view, 3> kTypes{"container", "fs-only", "hostfs"};
  static constexpr std::array<ServiceType, 3> kValues{
      ServiceType::kContainer, ServiceType::kFsOnly, ServiceType::kHostfs};
  static constexpr std::array<std::string_view, 2> kLater{"job", "vm"};
  if (const auto type = target.get_word("service_type", kTypes, kLater)) {
    out.service_type = kValues[*type];
    if (out.service_type != ServiceType::kContainer) {
      refuse_container_fields(target, kTypes[*type]);
    }
  }
  if (out.service_name == "hostfs" && out.service_type != ServiceType::kHostfs) {
    target.problem("service_name",
                   target.find("service_name")->mark,
                   "'hostfs' is reserved for the service type 'hostfs'");
  }
}

void read_group(const ObjectReader& target, Target& out) {
  if (target.find("nsgroup") == nullptr) {
    const bool own = target.findings().version >= 2 && out.service_type == ServiceType::kContainer;
    out.nsgroup = own ? std::optional(out.service_name) : std::nullopt;
    return;
  }
  const auto group = target.get("nsgroup", as_text);
  if (group && !group->empty() && *group != "none") {
    out.nsgroup = target.get_checked("nsgroup", check_group_name);
  }
}

}  // namespace

Target read_target(const Node& node, const std::string& path, Findings& findings) {
  const ObjectReader target(node, path, target_fields(), findings);
  Target out;
  target.demand("service_name");
  out.service_name = target.get_checked("service_name", check_service_name).value_or("");
  target.demand("source");
  out.source = target.get_checked("source", check_source).value_or("");
  out.version = target.require("version", as_line).value_or("");
  read_service_type(target, out);
  read_group(target, out);
  out.digest = target.get("digest", as_digest);
  out.size = target.get("size", as_any_uint);
  if (const Node* const network = target.find("network")) {
    out.network = read_network(*network, target.path("network"), findings);
  } else if (findings.version < 2) {
    target.demand("network");
  }
  if (out.network.type == TargetNetwork::Type::kSimple &&
      out.service_type != ServiceType::kContainer) {
    target.problem(
        "network", target.find("network")->mark, "only a container has a network of its own");
  }
  out.storage = read_mounts(target);
  out.entrypoint = read_arguments(target, "entrypoint");
  out.args = read_arguments(target, "args");
  read_environment(target, out);
  out.user = target.get_checked("user", check_user);
  out.working_dir = target.get_checked("working_dir", check_path);
  out.hostname = target.get_checked("hostname", check_hostname);
  read_stop(target, out);
  out.rootfs_readonly = findings.version >= 2 && out.service_type == ServiceType::kContainer;
  read_rootfs(target, out);
  read_resources(target, out);
  return out;
}

}  // namespace mosb::manifest
