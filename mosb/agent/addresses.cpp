#include "mosb/agent/addresses.h"

#include <algorithm>
#include <set>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/net/address_pool.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxFile{4 * kMiB};

std::string file_of(const Paths& paths) {
  return paths.state() + "/network.json";
}

Error taken(const IpAddress& address, const std::string& service, const std::string& holder) {
  return Error(Errc::kNetSetup,
               "address " + address.str() + " of service " + quote(service) +
                   " belongs to service " + quote(holder));
}

/// Hands out the addresses of one family.
class Assignment {
 public:
  Assignment(const IpPrefix& bridge, const AddressClaims& claims)
      : bridge_(bridge), claims_(claims) {}

  Status fix(const std::string& service, const IpAddress& address) {
    const auto [it, is_new] = holders_.emplace(address, service);
    if (!is_new) {
      return taken(address, service, it->second);
    }
    taken_.insert(address);
    given_.insert_or_assign(service, address);
    return ok();
  }
  Status fix(const std::string& service, const manifest::TargetAddress& wish) {
    const std::string what = "service " + quote(service);
    if (wish.length && *wish.length != bridge_.length) {
      return Error(Errc::kManifest,
                   what + ": the network of " + wish.address.str() + "/" +
                       std::to_string(*wish.length) + " is not the bridge's, " +
                       bridge_.first().str() + "/" + std::to_string(bridge_.length));
    }
    MOSB_CHECK(net::check_member(wish.address, bridge_).context(what));
    return fix(service, wish.address);
  }
  /// What it runs with.
  Status keep(const std::string& service, const IpAddress& address) {
    if (!net::check_member(address, bridge_)) {
      return Error(Errc::kNetSetup,
                   "service " + quote(service) + " runs with " + address.str() +
                       ", which is not of the bridge's network " +
                       IpPrefix{bridge_.first(), bridge_.length}.str() + " any more")
          .with_hint("`mosb apply --applied` gives every service an address of it");
    }
    return fix(service, address);
  }
  /// What it had, if that is still a good address and nobody else's, else a free one.
  Status choose(const AddressWish& wish, const std::optional<IpAddress>& before) {
    if (before && before->is_v4() == bridge_.address.is_v4() &&
        net::check_member(*before, bridge_) && !taken_.contains(*before) &&
        (wish.attached || !claims_.contains(*before))) {
      return fix(wish.service, *before);
    }
    std::set<IpAddress> not_free = taken_;
    for (const auto& [address, holder] : claims_) {
      not_free.insert(address);
    }
    return fix(wish.service,
               MOSB_TRY(net::choose_address(bridge_, not_free, wish.service)
                            .context("service " + quote(wish.service))));
  }
  bool has(const std::string& service) const { return given_.contains(service); }
  const IpAddress& of(const std::string& service) const { return given_.at(service); }

 private:
  const IpPrefix& bridge_;
  const AddressClaims& claims_;
  std::set<IpAddress> taken_;
  std::map<IpAddress, std::string> holders_;
  std::map<std::string, IpAddress> given_;
};

std::optional<IpAddress> lease_of(const Addresses& before, const std::string& service, bool v4) {
  const auto it = before.leases.find(service);
  if (it == before.leases.end()) {
    return std::nullopt;
  }
  return v4 ? std::optional(it->second.ipv4) : it->second.ipv6;
}

Result<Assignment> assign_family(const Addresses& before,
                                 const IpPrefix& bridge,
                                 const std::vector<AddressWish>& wishes,
                                 const AddressClaims& claims) {
  const bool v4 = bridge.address.is_v4();
  Assignment assignment(bridge, claims);
  // First what cannot move, then what was asked for, then what was had, then the rest.
  for (const AddressWish& wish : wishes) {
    const auto lease = lease_of(before, wish.service, v4);
    if (wish.untouched && lease) {
      MOSB_CHECK(assignment.keep(wish.service, *lease));
    }
  }
  for (const AddressWish& wish : wishes) {
    const auto& asked = v4 ? wish.ipv4 : wish.ipv6;
    if (asked && !assignment.has(wish.service)) {
      MOSB_CHECK(assignment.fix(wish.service, *asked));
    }
  }
  for (const bool had : {true, false}) {
    for (const AddressWish& wish : wishes) {
      const auto lease = lease_of(before, wish.service, v4);
      if (!assignment.has(wish.service) && lease.has_value() == had) {
        MOSB_CHECK(assignment.choose(wish, lease));
      }
    }
  }
  return assignment;
}

Json to_json(const Addresses& addresses) {
  Json services = Json::object();
  for (const auto& [name, lease] : addresses.leases) {
    services[name] = {{"ipv4", lease.ipv4.str()}};
    if (lease.ipv6) {
      services[name]["ipv6"] = lease.ipv6->str();
    }
  }
  Json bridge{{"name", addresses.bridge.name}, {"ipv4", addresses.bridge.ipv4.str()}};
  if (addresses.bridge.ipv6) {
    bridge["ipv6"] = addresses.bridge.ipv6->str();
  }
  return {{"bridge", std::move(bridge)}, {"services", std::move(services)}};
}

Result<Addresses> parse_addresses(const std::string& text) {
  const Json json = MOSB_TRY(json::parse(text, kMaxFile));
  const Json& bridge = *MOSB_TRY(json::require_object(json, "bridge"));
  Addresses out;
  out.bridge.name = MOSB_TRY(json::require_string(bridge, "name"));
  out.bridge.ipv4 = MOSB_TRY(IpPrefix::parse(MOSB_TRY(json::require_string(bridge, "ipv4"))));
  if (const auto ipv6 = MOSB_TRY(json::optional_string(bridge, "ipv6"))) {
    out.bridge.ipv6 = MOSB_TRY(IpPrefix::parse(*ipv6));
  }
  const Json& services = *MOSB_TRY(json::require_object(json, "services"));
  for (const auto& [name, lease] : services.items()) {
    Lease& to = out.leases[name];
    to.ipv4 = MOSB_TRY(IpAddress::parse(MOSB_TRY(json::require_string(lease, "ipv4"))));
    if (const auto ipv6 = MOSB_TRY(json::optional_string(lease, "ipv6"))) {
      to.ipv6 = MOSB_TRY(IpAddress::parse(*ipv6));
    }
  }
  return out;
}

}  // namespace

Result<Addresses> assign_addresses(const Addresses& before,
                                   const net::BridgeSpec& bridge,
                                   const std::vector<AddressWish>& wishes,
                                   const AddressClaims& claims) {
  Addresses out{bridge, {}};
  const Assignment v4 = MOSB_TRY(assign_family(before, bridge.ipv4, wishes, claims));
  for (const AddressWish& wish : wishes) {
    if (wish.ipv6 && !bridge.ipv6) {
      return Error(Errc::kNetSetup,
                   "service " + quote(wish.service) + " asks for " + wish.ipv6->address.str() +
                       ", but bridge " + quote(bridge.name) + " has no network of IPv6")
          .with_hint("give it one with bridge.subnet6 in mosb.yaml");
    }
    out.leases[wish.service] = {v4.of(wish.service), std::nullopt};
  }
  if (bridge.ipv6) {
    const Assignment v6 = MOSB_TRY(assign_family(before, *bridge.ipv6, wishes, claims));
    for (const AddressWish& wish : wishes) {
      out.leases[wish.service].ipv6 = v6.of(wish.service);
    }
  }
  return out;
}

std::set<IpAddress> new_addresses(const Addresses& before,
                                  const Addresses& assigned,
                                  const std::vector<AddressWish>& wishes) {
  std::set<IpAddress> out;
  for (const AddressWish& wish : wishes) {
    for (const bool v4 : {true, false}) {
      const auto had = lease_of(before, wish.service, v4);
      const auto has = lease_of(assigned, wish.service, v4);
      if (has && has != had) {
        out.insert(*has);
      }
    }
  }
  return out;
}

std::map<std::string, Error> refused_addresses(const Addresses& before,
                                               const net::BridgeSpec& bridge,
                                               const std::vector<AddressWish>& wishes,
                                               const AddressClaims& claims) {
  std::map<std::string, Error> refused;
  for (const AddressWish& wish : wishes) {
    for (const auto& asked : {wish.ipv4, wish.ipv6}) {
      const auto claim = asked ? claims.find(asked->address) : claims.end();
      if (claim == claims.end() ||
          (wish.attached &&
           lease_of(before, wish.service, asked->address.is_v4()) == asked->address)) {
        continue;
      }
      refused.insert_or_assign(
          wish.service,
          Error(Errc::kNetSetup,
                "address " + asked->address.str() + " of service " + quote(wish.service) +
                    " is taken at bridge " + quote(bridge.name) + " by " + claim->second)
              .with_hint("give the service another address, or have the other one give it up"));
    }
  }
  return refused;
}

Result<Addresses> read_addresses(const Paths& paths) {
  const std::string path = file_of(paths);
  const auto text = read_file(path, kMaxFile);
  if (!text) {
    if (text.error().code() == Errc::kNotFound) {
      return Addresses();
    }
    return text.error();
  }
  return parse_addresses(*text).context("read " + quote(path)).as(Errc::kState);
}

Status save_addresses(const Paths& paths, const Addresses& addresses) {
  const auto before = read_addresses(paths);
  if (before && *before == addresses) {
    return ok();
  }
  return write_file_atomic(file_of(paths), to_json(addresses).dump(2) + "\n", 0600);
}

}  // namespace mosb::agent
