#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/manifest/names.h"
#include "mosb/manifest/read_target.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

using Type = TargetNetwork::Type;
using Protocol = TargetPort::Protocol;

/// Of a port that has a name.
constexpr std::chrono::seconds kDefaultWait{15};
/// What a resolver takes of its configuration (resolv.conf(5)).
constexpr std::size_t kMaxServers = 3;
constexpr std::size_t kMaxSearch = 6;
constexpr std::size_t kMaxOptions = 16;
constexpr std::size_t kMaxPorts = 4096;

Result<std::uint16_t> as_port(const Node& node) {
  return static_cast<std::uint16_t>(MOSB_TRY(as_uint(node, 1, 65'535)));
}

Result<IpAddress> as_address(const Node& node) {
  return IpAddress::parse(MOSB_TRY(as_line(node)));
}

Result<TargetAddress> as_target_address(const Node& node) {
  const std::string text = MOSB_TRY(as_line(node));
  if (text.find('/') == std::string::npos) {
    return TargetAddress{MOSB_TRY(IpAddress::parse(text)), std::nullopt};
  }
  const IpPrefix prefix = MOSB_TRY(IpPrefix::parse(text));
  return TargetAddress{prefix.address, prefix.length};
}

/// As a duration, or the word none.
Result<std::chrono::milliseconds> as_wait(const Node& node) {
  if (MOSB_TRY(as_line(node)) == "none") {
    return std::chrono::milliseconds(0);
  }
  return as_duration(node);
}

bool is_empty(const Node* node) {
  return node == nullptr || node->kind == Node::Kind::kNull ||
         (node->is_scalar() && node->text.empty()) ||
         (node->kind == Node::Kind::kSequence && node->items.empty());
}

/// Addresses and ports are for a network of the service's own; an empty value asks for nothing.
void refuse_addresses(const ObjectReader& network, std::string_view type) {
  for (const std::string_view name : {"ipv4", "ipv6", "ports", "dns", "isolate"}) {
    const Node* const value = network.find(name);
    if (!is_empty(value)) {
      network.problem(name, value->mark, "does not go with the network type " + quote(type));
    }
  }
}

std::optional<TargetAddress> read_address(const ObjectReader& network,
                                          std::string_view name,
                                          bool v4) {
  const Node* const node = network.find(name);
  if (is_empty(node)) {
    return std::nullopt;
  }
  auto address = network.get(name, as_target_address);
  if (address && address->address.is_v4() != v4) {
    network.problem(name, node->mark, quote(node->text) + " is not of this family");
    return std::nullopt;
  }
  return address;
}

std::optional<IpAddress> read_host_ip(const ObjectReader& port) {
  const Node* const node = port.find("host_ip");
  if (is_empty(node)) {
    return std::nullopt;
  }
  const auto address = port.get("host_ip", as_address);
  if (!address || (address->is_v4() && address->is_unspecified())) {
    return std::nullopt;
  }
  const bool multicast =
      address->is_v4() ? address->bytes()[0] >= 224 : address->bytes()[0] == 0xff;
  const bool loopback6 = !address->is_v4() && address->is_loopback();
  if (multicast || address->is_unspecified() || loopback6) {
    port.problem("host_ip",
                 node->mark,
                 loopback6
                     ? "'::1' cannot be forwarded: the kernel lets nothing out that comes from "
                       "there; 127.0.0.1 can"
                     : quote(node->text) + " is no address of one host");
  }
  return address;
}

bool overlap(Protocol a, Protocol b) {
  return a == b || a == Protocol::kBoth || b == Protocol::kBoth;
}

/// Whether one packet could be meant for both.
bool overlap(const TargetPort& a, const TargetPort& b) {
  return a.host == b.host && overlap(a.protocol, b.protocol) &&
         (!a.host_ip || !b.host_ip || *a.host_ip == *b.host_ip);
}

TargetPort read_port(const ObjectReader& port) {
  TargetPort out;
  out.host = port.require("host", as_port).value_or(0);
  out.container = port.require("container", as_port).value_or(0);
  out.name = port.get_checked("name", check_port_name).value_or("");
  static constexpr std::array<std::string_view, 3> kProtocols{"tcp", "udp", "both"};
  static constexpr std::array<std::string_view, 1> kLater{"sctp"};
  out.protocol = static_cast<Protocol>(port.get_word("protocol", kProtocols, kLater).value_or(0));
  out.host_ip = read_host_ip(port);
  if (!out.name.empty()) {
    out.wait = kDefaultWait;
  }
  if (const auto wait = port.get("wait", as_wait)) {
    out.wait = wait->count() == 0 ? std::nullopt : wait;
  }
  return out;
}

std::vector<TargetPort> read_ports(const ObjectReader& network, Findings& findings) {
  std::vector<std::pair<TargetPort, Mark>> ports;
  const auto list = network.get_list("ports");
  if (list.size() > kMaxPorts) {
    network.problem("ports", network.mark(), "more than " + std::to_string(kMaxPorts));
    return {};
  }
  for (const auto& [path, node] : list) {
    const ObjectReader reader(*node, path, port_fields(), findings);
    TargetPort port = read_port(reader);
    const auto twin = std::find_if(
        ports.begin(), ports.end(), [&](const auto& other) { return overlap(other.first, port); });
    if (port.host != 0 && twin != ports.end()) {
      reader.problem("host",
                     reader.find("host")->mark,
                     "port " + std::to_string(port.host) +
                         " of the host stands twice, first in line " +
                         std::to_string(twin->second.line));
    }
    const bool named =
        !port.name.empty() && std::any_of(ports.begin(), ports.end(), [&](const auto& other) {
          return other.first.name == port.name;
        });
    if (named) {
      reader.problem("name", reader.find("name")->mark, quote(port.name) + " stands twice");
    }
    ports.emplace_back(std::move(port), node->mark);
  }
  std::vector<TargetPort> out;
  for (auto& [port, mark] : ports) {
    out.push_back(std::move(port));
  }
  return out;
}

std::vector<std::string> read_words(const ObjectReader& dns,
                                    std::string_view name,
                                    Status (*check)(std::string_view),
                                    std::size_t most) {
  std::vector<std::string> words;
  for (const auto& [path, node] : dns.get_list(name)) {
    const auto word = as_line(*node);
    const Status good = word ? check(*word) : Status(word.error());
    if (!good) {
      dns.findings().add(node->mark, path, good.error().message());
    } else {
      words.push_back(*word);
    }
  }
  if (words.size() > most) {
    dns.problem(name, dns.find(name)->mark, "more than " + std::to_string(most));
  }
  return words;
}

TargetDns read_dns(const ObjectReader& network) {
  TargetDns out;
  const Node* const node = network.find("dns");
  if (node == nullptr) {
    return out;
  }
  if (node->is_scalar()) {
    static constexpr std::array<std::string_view, 2> kWords{"host", "none"};
    out.from = static_cast<TargetDns::From>(network.get_word("dns", kWords, {}).value_or(0));
    return out;
  }
  const ObjectReader dns(*node, network.path("dns"), dns_fields(), network.findings());
  for (const auto& [path, item] : dns.get_list("servers")) {
    const auto server = as_address(*item);
    if (server) {
      out.servers.push_back(*server);
    } else {
      dns.findings().add(item->mark, path, server.error().message());
    }
  }
  if (out.servers.size() > kMaxServers) {
    dns.problem("servers", dns.find("servers")->mark, "more than " + std::to_string(kMaxServers));
  }
  out.from = out.servers.empty() ? TargetDns::From::kHost : TargetDns::From::kServers;
  out.search = read_words(dns, "search", check_search_domain, kMaxSearch);
  out.options = read_words(dns, "options", check_resolver_option, kMaxOptions);
  return out;
}

}  // namespace

TargetNetwork read_network(const Node& node, const std::string& path, Findings& findings) {
  const ObjectReader network(node, path, network_fields(), findings);
  network.demand("type");
  static constexpr std::array<std::string_view, 3> kTypes{"none", "host", "simple"};
  static constexpr std::array<std::string_view, 1> kLater{"internal"};
  const auto type = network.get_word("type", kTypes, kLater);
  TargetNetwork out;
  out.ipv4 = read_address(network, "ipv4", true);
  out.ipv6 = read_address(network, "ipv6", false);
  out.ports = read_ports(network, findings);
  out.dns = read_dns(network);
  out.isolate = network.get("isolate", as_bool).value_or(false);
  if (!type) {
    return TargetNetwork{};
  }
  out.type = static_cast<Type>(*type);
  if (out.type != Type::kSimple) {
    refuse_addresses(network, kTypes[*type]);
    return TargetNetwork{out.type};
  }
  return out;
}

}  // namespace mosb::manifest
