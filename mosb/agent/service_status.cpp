#include "mosb/agent/service_status.h"

#include <algorithm>

#include "mosb/agent/bad_blocks.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/readiness.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// The first layer that failed its check, in words; "" if none did.
std::string corruption(const ServiceFacts& facts) {
  for (const verity::MountState& mount : facts.mounts) {
    for (const verity::LayerState& layer : mount.layers) {
      if (layer.corrupt) {
        return "layer " + layer.digest.str().substr(0, 19) + "…: " + layer.detail;
      }
    }
  }
  return "";
}

std::string exit_text(const lxc::ContainerFacts::Exit& last) {
  if (!last.error.empty()) {
    return last.error;
  }
  if (last.oom) {
    return "killed for lack of memory";
  }
  if (last.signal != 0) {
    return "killed by signal " + std::to_string(last.signal);
  }
  return "exited with status " + std::to_string(last.code);
}

void judge_container(const ServiceFacts& facts, bool stopped, ServiceStatus& status) {
  const lxc::ContainerFacts& container = facts.container;
  switch (container.state) {
    case lxc::RunState::kRunning:
      status.state = ServiceState::kReady;
      status.pid = container.init_pid;
      status.since = container.since;
      if (!container.degraded.empty()) {
        status.message = join(container.degraded, "; ");
      }
      return;
    case lxc::RunState::kStarting:
      status.state = ServiceState::kStarting;
      return;
    case lxc::RunState::kNone:
    case lxc::RunState::kExited:
      break;
  }
  if (stopped || !container.last_exit) {
    status.state = ServiceState::kStopped;
    return;
  }
  status.since = container.last_exit->at;
  const bool well = container.last_exit->code == 0 && container.last_exit->error.empty();
  status.state = well ? ServiceState::kCompleted : ServiceState::kFailed;
  status.message = exit_text(*container.last_exit);
}

/// What judging the image anew found, as long as the machine is so.
void add_finding(const RecheckFinding& finding, ServiceStatus& status) {
  const bool runs = status.state != ServiceState::kStopped &&
                    status.state != ServiceState::kCompleted &&
                    status.state != ServiceState::kFailed;
  const bool refused = finding.kind == RecheckFinding::Kind::kRefused;
  if (refused && !runs) {
    status.state = ServiceState::kBlocked;
    status.since = finding.at;
    status.message.clear();
  }
  const std::string text = (refused ? "its image counts no more: "
                                    : "whether its image still counts could not be found out: ") +
                           finding.reason;
  status.message += (status.message.empty() ? "" : "; ") + text;
}

void judge_file_system(const ServiceFacts& facts, ServiceStatus& status) {
  status.state = facts.mounts.empty() ? ServiceState::kStopped : ServiceState::kReady;
}

}  // namespace

const char* state_name(ServiceState state) {
  switch (state) {
    case ServiceState::kStarting:
      return "starting";
    case ServiceState::kRunning:
      return "running";
    case ServiceState::kReady:
      return "ready";
    case ServiceState::kStopped:
      return "stopped";
    case ServiceState::kCompleted:
      return "completed";
    case ServiceState::kFailed:
      return "failed";
    case ServiceState::kDegraded:
      return "degraded";
    case ServiceState::kBlocked:
      return "blocked";
  }
  return "failed";
}

ServiceStatus status_of(const std::string& name,
                        const AppliedService* applied,
                        const ServiceFacts& facts) {
  ServiceStatus status;
  status.name = name;
  if (applied != nullptr) {
    const manifest::Target& target = applied->target();
    status.version = target.version;
    status.type = target.service_type;
    status.image = applied->image;
    status.finding = applied->finding;
    status.network = manifest::network_type_name(target.network.type);
    status.nsgroup = target.nsgroup.value_or("");
  }
  if (status.type == manifest::ServiceType::kContainer) {
    judge_container(facts, applied != nullptr && applied->stopped, status);
  } else if (status.type == manifest::ServiceType::kFsOnly) {
    judge_file_system(facts, status);
  } else {
    status.message = "only a boot uses it";
  }
  if (!facts.mounts.empty()) {
    status.verified_by = facts.mounts.front().verified_by;
    if (facts.mounts.front().idmap) {
      status.uid_base = facts.mounts.front().idmap->host_base;
    }
  }
  const std::string corrupt = corruption(facts);
  if (!corrupt.empty() && status.state == ServiceState::kReady) {
    status.state = ServiceState::kDegraded;
    status.message = corrupt;
  }
  if (status.finding) {
    add_finding(*status.finding, status);
  }
  if (applied == nullptr) {
    status.message = "not in the applied manifest";
  }
  return status;
}

Status add_network(const AppliedService& applied,
                   const Addresses& addresses,
                   ServiceStatus& status) {
  const auto lease = addresses.leases.find(status.name);
  if (!is_connected(applied.target()) || lease == addresses.leases.end()) {
    return ok();
  }
  status.addresses = lease->second;
  status.ports = applied.target().network.ports;
  std::vector<manifest::TargetPort> awaited = status.ports;
  std::erase_if(awaited, [](const auto& port) { return !port.wait; });
  if (status.state == ServiceState::kReady && status.pid) {
    const std::string why = MOSB_TRY(why_not_ready(awaited, lease->second.ipv4, *status.pid));
    if (!why.empty()) {
      status.state = ServiceState::kRunning;
      status.message = why + (status.message.empty() ? "" : "; ") + status.message;
    }
  }
  return ok();
}

Result<std::vector<ServiceStatus>> list_services(const Paths& paths, const std::string& examined) {
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  const ServiceRuntime runtime(paths, MOSB_TRY(read_instance_id(paths)));
  std::map<std::string, ServiceFacts> facts = MOSB_TRY(runtime.observe_all());
  for (auto& [name, fact] : facts) {
    if (name == examined) {
      find_bad_blocks(paths, fact.mounts);
    }
    name_bad_blocks(paths, fact.mounts);
  }
  const Addresses addresses = MOSB_TRY(read_addresses(paths));
  std::vector<ServiceStatus> list;
  for (const auto& [name, applied] : state.services) {
    auto it = facts.find(name);
    if (it == facts.end()) {
      it = facts.emplace(name, MOSB_TRY(runtime.observe(name))).first;
    }
    list.push_back(status_of(name, &applied, it->second));
    MOSB_CHECK(add_network(applied, addresses, list.back()));
  }
  for (const auto& [name, fact] : facts) {
    if (!state.services.contains(name)) {
      list.push_back(status_of(name, nullptr, fact));
    }
  }
  return list;
}

namespace {

Json network_json(const ServiceStatus& status) {
  const auto& addresses = status.addresses;
  return {{"type", status.network},
          {"ipv4", addresses ? Json(addresses->ipv4.str()) : Json(nullptr)},
          {"ipv6", addresses && addresses->ipv6 ? Json(addresses->ipv6->str()) : Json(nullptr)}};
}

Json ports_json(const std::vector<manifest::TargetPort>& ports) {
  Json list = Json::array();
  for (const manifest::TargetPort& port : ports) {
    list.push_back({{"name", port.name},
                    {"host_ip", port.host_ip ? port.host_ip->str() : ""},
                    {"host", port.host},
                    {"container", port.container},
                    {"protocol", manifest::protocol_name(port.protocol)}});
  }
  return list;
}

}  // namespace

Json to_json(const ServiceStatus& status) {
  Json image = nullptr;
  Json signature = nullptr;
  if (status.image) {
    image = {{"ref", status.image->ref}, {"digest", status.image->digest.str()}};
    signature = {{"outcome", status.image->outcome},
                 {"policy", status.image->policy},
                 {"subject", status.image->subject},
                 {"counts_until",
                  status.image->counts_until ? Json(to_rfc3339(*status.image->counts_until))
                                             : Json(nullptr)},
                 {"recheck", status.finding ? to_json(*status.finding) : Json(nullptr)}};
  }
  return {{"service", status.name},
          {"version", status.version},
          {"type", manifest::service_type_name(status.type)},
          {"state", state_name(status.state)},
          {"ready", status.state == ServiceState::kReady},
          {"pid", status.pid ? Json(*status.pid) : Json(nullptr)},
          {"restarts", 0},
          {"since", status.since ? Json(to_rfc3339(*status.since)) : Json(nullptr)},
          {"image", image},
          {"verified_by", status.verified_by},
          {"signature", signature},
          {"network", network_json(status)},
          {"ports", ports_json(status.ports)},
          {"nsgroup", status.nsgroup},
          {"uid_base", status.uid_base ? Json(*status.uid_base) : Json(nullptr)},
          {"message", status.message}};
}

}  // namespace mosb::agent
