#include "mosb/net/ruleset.h"

#include <vector>

#include <netinet/in.h>

#include "mosb/net/names.h"
#include "mosb/net/spoof_rules.h"

namespace mosb::net {

namespace {

/// What is named of IPv4 ("4") or of IPv6 ("6").
struct FamilyElements {
  std::vector<std::string> services;
  std::vector<std::string> isolated;
  /// Pairs of a service's address with itself.
  std::vector<std::string> self;
  /// Forwards from one address of the host, and from any.
  std::vector<std::string> at;
  std::vector<std::string> any;
};

struct Elements {
  FamilyElements v4;
  FamilyElements v6;
};

/// nft would look a name up in /etc/protocols, for each element anew.
std::string protocol_number(Protocol protocol) {
  return std::to_string(protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP);
}

void add_service(const ServicePort& service, const IpAddress& address, FamilyElements& to) {
  const std::string own = address.str();
  to.services.push_back(own);
  if (service.isolated) {
    to.isolated.push_back(own);
    to.self.push_back(own + " . " + own);
  }
  for (const PortForward& forward : service.forwards) {
    const std::string where = protocol_number(forward.protocol) + " . " +
                              std::to_string(forward.host_port) + " : " + own + " . " +
                              std::to_string(forward.port);
    if (!forward.host_ip) {
      to.any.push_back(where);
    } else if (forward.host_ip->is_v4() == address.is_v4()) {
      to.at.push_back(forward.host_ip->str() + " . " + where);
    }
  }
}

std::string sets(const std::string& suffix, const std::string& type, const FamilyElements& of) {
  const std::string forward = "inet_proto . inet_service : " + type + " . inet_service";
  return set_text("services" + suffix, type, of.services) +
         set_text("isolated" + suffix, type, of.isolated) +
         set_text("self" + suffix, type + " . " + type, of.self) +
         set_text("any" + suffix, forward, of.any) +
         set_text("at" + suffix, type + " . " + forward, of.at);
}

// arrival, loopback: route_localnet lets packets from outside reach 127.0.0.0/8; these do not get
// that far. The address is asked first because almost no packet has it, and a name costs more.
// arrival, metadata: clouds hand out a machine's credentials there, some by a redirection to a
// program of the host itself: so behind connection tracking, which lets answers to clients with
// such addresses through, and before any redirection.
// nat: ::1 cannot leave the loopback device and is refused at once when it is left alone.
constexpr char kArrival[] = R"(  chain arrival {
    type filter hook prerouting priority mangle; policy accept;
    ip daddr 127.0.0.0/8 iifname != "lo" drop
    ct state established,related accept
    ip saddr @services4 ip daddr 169.254.0.0/16 drop
    ip6 saddr @services6 ip6 daddr fd00:ec2::254 drop
  }
  chain forwards {
    dnat ip to ip daddr . meta l4proto . th dport map @at4
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6
    dnat ip6 to meta l4proto . th dport map @any6
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump forwards
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local jump forwards
  }
)";

/// Isolation also holds where a service has the host route to another one, and a port that is not
/// forwarded is not reached by a route either.
std::string passing(const std::string& bridge) {
  const std::string within = "    iifname " + bridge + " oifname " + bridge + " ";
  const std::string into = "    iifname != " + bridge + " oifname " + bridge + " ";
  return "  chain forward {\n"
         "    type filter hook forward priority filter; policy accept;\n"
         "    ct state established,related accept\n" +
         within + "ip saddr . ip daddr @self4 accept\n" +    //
         within + "ip6 saddr . ip6 daddr @self6 accept\n" +  //
         within + "ip saddr @isolated4 drop\n" +             //
         within + "ip daddr @isolated4 drop\n" +             //
         within + "ip6 saddr @isolated6 drop\n" +            //
         within + "ip6 daddr @isolated6 drop\n" +            //
         into + "ip daddr @services4 ct status & dnat == 0 drop\n" + into +
         "ip6 daddr @services6 ct status & dnat == 0 drop\n" + "  }\n";
}

/// Answers come back by way of the host where the host changed the address, and where the service
/// could not answer to the client's own.
std::string leaving(const BridgeSpec& spec, const std::string& bridge) {
  const auto network = [](const IpPrefix& prefix) {
    return IpPrefix{prefix.first(), prefix.length}.str();
  };
  const std::string to_bridge = "    oifname " + bridge + " ";
  const std::string away = "    oifname != " + bridge + " ";
  std::string text =
      "  chain postrouting {\n"
      "    type nat hook postrouting priority srcnat; policy accept;\n" +
      to_bridge + "ip saddr 127.0.0.0/8 ip daddr @services4 masquerade\n" + to_bridge +
      "ct status dnat ip saddr " + network(spec.ipv4) + " ip daddr @services4 masquerade\n";
  if (spec.ipv6) {
    text += to_bridge + "ct status dnat ip6 saddr { " + network(*spec.ipv6) +
            ", fe80::/10 } ip6 daddr @services6 masquerade\n";
  }
  return text + away + "ip saddr @services4 masquerade\n" + away +
         "ip6 saddr @services6 masquerade\n  }\n";
}

std::string table(const std::string& family, const std::string& instance, const std::string& body) {
  const std::string name = "table " + family + " " + table_name(instance);
  return name + "\ndelete " + name + "\n" + name + " {\n  comment \"mosb " + instance + "\"\n" +
         body + "}\n";
}

}  // namespace

std::string table_name(const std::string& instance) {
  return "mosb_" + instance;
}

std::string ruleset(const NetworkSpec& spec) {
  // Asking a refusal for its value throws: whoever calls has checked, and nothing unchecked is
  // ever written here.
  (void)check_names(spec).value();
  Elements in;
  for (const ServicePort& service : spec.services) {
    add_service(service, service.ipv4, in.v4);
    if (service.ipv6) {
      add_service(service, *service.ipv6, in.v6);
    }
  }
  const std::string bridge = '"' + spec.bridge.name + '"';
  return table("inet",
               spec.instance,
               sets("4", "ipv4_addr", in.v4) + sets("6", "ipv6_addr", in.v6) + kArrival +
                   passing(bridge) + leaving(spec.bridge, bridge)) +
         table("bridge", spec.instance, spoof_rules(spec));
}

std::string ruleset_removal(const std::string& instance) {
  (void)check_instance(instance).value();
  std::string text;
  for (const char* family : {"inet", "bridge"}) {
    const std::string name = std::string("table ") + family + " " + table_name(instance);
    text += name;
    text += "\ndelete " + name + "\n";
  }
  return text;
}

}  // namespace mosb::net
