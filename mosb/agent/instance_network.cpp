#include "mosb/agent/instance_network.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>

#include "mosb/agent/volumes.h"
#include "mosb/base/boot_id.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/log.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/net/foreign_firewall.h"
#include "mosb/net/legacy_firewall.h"
#include "mosb/net/socket_table.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxRecord{1 * kMiB};

std::string record_path(const Paths& paths) {
  return paths.run() + "/network.json";
}

std::vector<std::string> running_services(const NetworkWish& wish,
                                          const std::map<std::string, ServiceFacts>& facts) {
  std::vector<std::string> names;
  for (const net::ServicePort& service : wish.spec.services) {
    const auto it = facts.find(service.service);
    if (it != facts.end() && it->second.running()) {
      names.push_back(service.service);
    }
  }
  return names;
}

std::string drop_text(const net::ForeignDrop& drop) {
  return "chain " + quote(drop.chain) + " of table " + quote(drop.family + " " + drop.table) +
         (drop.owner.empty() ? "" : " (" + drop.owner + ")");
}

/// What the firewall of the host would do to services, if it may not be changed.
Status check_firewall(const NetworkWish& wish, net::Nft& nft) {
  if (wish.adjust_firewall) {
    return ok();
  }
  const auto drops =
      MOSB_TRY(net::find_foreign_drops(wish.spec.instance, wish.spec.bridge.name, nft));
  if (drops.empty()) {
    return ok();
  }
  return Error(Errc::kNetSetup,
               "a firewall of this host drops what services send: " + drop_text(drops.front()))
      .with_hint("let traffic from and to " + wish.spec.bridge.name +
                 " pass there, or set bridge.adjust_firewall in mosb.yaml so that mosb does");
}

/// The same for the tables that iptables had before nf_tables: they are the operator's to change.
Status check_legacy_firewall(const NetworkWish& wish) {
  RealProcessRunner programs;
  const std::string& bridge = wish.spec.bridge.name;
  const net::LegacyFirewall legacy = MOSB_TRY(net::look_at_legacy(bridge, programs));
  for (const std::string& program : legacy.unknown) {
    log::warn("this host has rules of " + program +
              ", which is not installed: whether they drop what services send is not known");
  }
  if (legacy.dropping.empty()) {
    return ok();
  }
  const std::string& program = legacy.dropping.front();
  return Error(Errc::kNetSetup,
               "a firewall of this host drops what services send: chain 'FORWARD' of table "
               "'filter' of " +
                   program)
      .with_hint("mosb does not change these rules; let it pass: " + program + " -I FORWARD -i " +
                 bridge + " -j ACCEPT; " + program + " -I FORWARD -o " + bridge + " -j ACCEPT");
}

/// Whether it leads to the service already: whoever took the port since gets nothing of it.
bool is_in_force(const net::PortForward& forward,
                 const std::string& service,
                 const NetworkWish& before,
                 const std::map<std::string, ServiceFacts>& facts) {
  const auto it = facts.find(service);
  if (it == facts.end() || !it->second.running()) {
    return false;
  }
  return std::any_of(
      before.spec.services.begin(), before.spec.services.end(), [&](const net::ServicePort& port) {
        return port.service == service &&
               std::any_of(port.forwards.begin(), port.forwards.end(), [&](const auto& known) {
                 return collide(known, forward);
               });
      });
}

/// An address of IPv6 leads to an address of IPv6.
Status check_families(const net::ServicePort& service) {
  for (const net::PortForward& forward : service.forwards) {
    if (forward.host_ip && !forward.host_ip->is_v4() && !service.ipv6) {
      return Error(Errc::kNetSetup,
                   "service " + quote(service.service) + ": " + forward_text(forward) +
                       " cannot lead to it: the bridge has no network of IPv6")
          .with_hint("give it one with bridge.subnet6 in mosb.yaml");
    }
  }
  return ok();
}

/// With a network namespace of its own in which there was a device.
bool was_connected(const ServiceFacts& facts) {
  return facts.record && facts.record->connected;
}

/// A value that is changed is known before it is: whoever is killed in between can be made good.
void remember_settings(const std::vector<net::NetworkStep>& steps,
                       const net::NetworkState& state,
                       net::NetworkRecord& record) {
  for (const net::NetworkStep& step : steps) {
    const auto before = state.settings.find(step.object);
    if (step.action == net::NetworkStep::Action::kSet && before != state.settings.end()) {
      record.settings.try_emplace(step.object, before->second);
    }
  }
}

}  // namespace

/// What is, and what is to be done about it.
struct InstanceNetwork::Look {
  net::NetworkRecord record;
  std::vector<net::NetworkStep> steps;
  /// Running services whose device is gone.
  std::vector<const net::ServicePort*> lost;
};

InstanceNetwork::InstanceNetwork(const Paths& paths, std::string instance)
    : paths_(paths),
      instance_(std::move(instance)),
      netlink_(std::make_unique<net::LibNetlink>()),
      nft_(std::make_unique<net::LibNft>()) {}

bool InstanceNetwork::is_needless(const NetworkWish& wish) const {
  return wish.spec.services.empty() && !path_exists(record_path(paths_));
}

Status InstanceNetwork::write_record(const net::NetworkRecord& record) const {
  MOSB_CHECK(sys::mkdir_all(paths_.run(), 0755));
  Json json = net::to_json(record);
  json["boot_id"] = MOSB_TRY(current_boot_id());
  return replace_file(record_path(paths_), json.dump() + "\n", 0600);
}

Result<std::optional<net::NetworkRecord>> InstanceNetwork::read_record() const {
  const std::string path = record_path(paths_);
  if (!path_exists(path)) {
    return std::optional<net::NetworkRecord>();
  }
  const std::string text = MOSB_TRY(read_file(path, kMaxRecord));
  const Json json =
      MOSB_TRY(json::parse(text, kMaxRecord).context("read " + quote(path)).as(Errc::kState));
  if (MOSB_TRY(json::require_string(json, "boot_id")) != MOSB_TRY(current_boot_id())) {
    return std::optional<net::NetworkRecord>();
  }
  return std::optional(MOSB_TRY(net::parse_network_record(json).context("read " + quote(path))));
}

Result<InstanceNetwork::Look> InstanceNetwork::look(
    const NetworkWish& wish, const std::map<std::string, ServiceFacts>& facts) const {
  Look look;
  look.record = MOSB_TRY(read_record()).value_or(net::NetworkRecord());
  const std::vector<std::string> running = running_services(wish, facts);
  const net::NetworkState state =
      MOSB_TRY(net::read_network_state(instance_, wish.spec.bridge.name, *netlink_, *nft_));
  look.record.bridge = wish.spec.bridge.name;
  look.steps = MOSB_TRY(net::plan_network(wish.spec, state, look.record, running));
  remember_settings(look.steps, state, look.record);
  for (const net::ServicePort& service : wish.spec.services) {
    const bool runs = std::find(running.begin(), running.end(), service.service) != running.end();
    const bool there = std::any_of(state.devices.begin(), state.devices.end(), [&](const auto& d) {
      return d.service == service.service;
    });
    if (runs && !there && was_connected(facts.at(service.service))) {
      look.lost.push_back(&service);
    }
  }
  return look;
}

Result<std::vector<Step>> InstanceNetwork::plan(
    const NetworkWish& wish, const std::map<std::string, ServiceFacts>& facts) const {
  std::vector<Step> steps;
  if (is_needless(wish)) {
    return steps;
  }
  const Look look = MOSB_TRY(this->look(wish, facts));
  for (const net::NetworkStep& step : look.steps) {
    steps.push_back({"network", step.object, net::describe(step)});
  }
  for (const net::ForeignDrop& drop : MOSB_TRY(to_adjust(wish))) {
    steps.push_back({"network", drop.chain, "let services pass: " + drop_text(drop) + " drops"});
  }
  for (const net::ServicePort* service : look.lost) {
    steps.push_back({"network",
                     net::device_name(instance_, service->service),
                     "made again for " + service->service + ": it is gone"});
  }
  return steps;
}

Status InstanceNetwork::check_ports(const NetworkWish& before,
                                    const net::ServicePort& service,
                                    const std::map<std::string, ServiceFacts>& facts) const {
  if (service.forwards.empty()) {
    return ok();
  }
  MOSB_CHECK(check_families(service));
  const std::vector<net::ListeningSocket> sockets = MOSB_TRY(net::own_listening_sockets());
  for (const net::PortForward& forward : service.forwards) {
    const net::ListeningSocket* const holder = net::find_holder(forward, sockets);
    if (holder != nullptr && !is_in_force(forward, service.service, before, facts)) {
      const std::string name = net::holder_name(*holder);
      return Error(Errc::kNetSetup,
                   "service " + quote(service.service) + ": " + forward_text(forward) +
                       " is held by " + (name.empty() ? "a process of this host" : name))
          .with_hint("end it, or give the service another port of the host");
    }
  }
  return ok();
}

Status InstanceNetwork::check(const NetworkWish& before,
                              const NetworkWish& wish,
                              const std::map<std::string, ServiceFacts>& facts) const {
  for (const net::ServicePort& service : wish.spec.services) {
    MOSB_CHECK(check_ports(before, service, facts));
  }
  return check_firewalls(wish);
}

Status InstanceNetwork::check_firewalls(const NetworkWish& wish) const {
  if (wish.spec.services.empty()) {
    return ok();
  }
  MOSB_CHECK(check_firewall(wish, *nft_));
  return check_legacy_firewall(wish);
}

Result<std::vector<net::ForeignDrop>> InstanceNetwork::to_adjust(const NetworkWish& wish) const {
  if (wish.spec.services.empty() || !wish.adjust_firewall) {
    return std::vector<net::ForeignDrop>();
  }
  return net::find_foreign_drops(instance_, wish.spec.bridge.name, *nft_);
}

Status InstanceNetwork::let_pass(const NetworkWish& wish) const {
  if (wish.spec.services.empty()) {
    return net::remove_foreign_accepts(instance_, *nft_);
  }
  for (const net::ForeignDrop& drop : MOSB_TRY(to_adjust(wish))) {
    MOSB_CHECK(nft_->run(net::foreign_accept(drop, instance_, wish.spec.bridge.name)));
  }
  return ok();
}

/// One that was given up for the wanted one, or of which only the record tells: the run that made
/// it was killed before it said which it was.
Status InstanceNetwork::leave_other_bridge(const NetworkWish& wish) const {
  const auto record = MOSB_TRY(read_record());
  if (!record || record->bridge.empty() || record->bridge == wish.spec.bridge.name) {
    return ok();
  }
  NetworkWish none;
  none.spec.instance = instance_;
  none.spec.bridge.name = record->bridge;
  return bring_all(none, {}).context("leave bridge " + quote(record->bridge));
}

Status InstanceNetwork::bring(const NetworkWish& wish,
                              const std::map<std::string, ServiceFacts>& facts) const {
  if (is_needless(wish)) {
    return ok();
  }
  MOSB_CHECK(leave_other_bridge(wish));
  return is_needless(wish) ? ok() : bring_all(wish, facts);
}

Status InstanceNetwork::bring_all(const NetworkWish& wish,
                                  const std::map<std::string, ServiceFacts>& facts) const {
  Look look = MOSB_TRY(this->look(wish, facts));
  if (!look.steps.empty()) {
    // Before the first change: whoever comes after a crash must know that there is something, and
    // what the settings were.
    MOSB_CHECK(write_record(look.record));
    const Status done = net::execute(look.steps, wish.spec, *netlink_, *nft_, look.record);
    MOSB_CHECK(write_record(look.record));
    MOSB_CHECK(done);
  }
  MOSB_CHECK(let_pass(wish));
  for (const net::ServicePort* service : look.lost) {
    const pid_t pid = facts.at(service->service).container.init_pid.value_or(0);
    const UniqueFd netns =
        MOSB_TRY(sys::open("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    MOSB_CHECK(net::connect(wish.spec, *service, netns.get(), *netlink_));
  }
  for (const auto& [name, files] : wish.files) {
    const auto it = facts.find(name);
    if (it != facts.end() && it->second.running()) {
      MOSB_CHECK(write_name_files(paths_.name_files(name), files));
    }
  }
  return wish.spec.services.empty() ? sys::unlink(record_path(paths_)) : ok();
}

}  // namespace mosb::agent
