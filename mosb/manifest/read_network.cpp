#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "mosb/base/text.h"
#include "mosb/manifest/read_target.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

Result<std::uint64_t> as_port(const Node& node) {
  return as_uint(node, 1, 65'535);
}

void read_ports(const ObjectReader& network, Findings& findings) {
  std::map<std::uint64_t, Mark> host_ports;
  for (const auto& [path, node] : network.get_list("ports")) {
    const ObjectReader port(*node, path, port_fields(), findings);
    const auto host = port.require("host", as_port);
    (void)port.require("container", as_port);
    if (!host) {
      continue;
    }
    const auto [first, is_new] = host_ports.emplace(*host, node->mark);
    if (!is_new) {
      port.problem("host",
                   port.find("host")->mark,
                   "port " + std::to_string(*host) + " of the host stands twice, first in line " +
                       std::to_string(first->second.line));
    }
  }
}

/// Addresses and ports are for a network of the service's own; an empty value asks for nothing.
void refuse_addresses(const ObjectReader& network, std::string_view type) {
  for (const std::string_view name : {"ipv4", "ipv6", "ports"}) {
    const Node* const value = network.find(name);
    const bool empty = value == nullptr || value->kind == Node::Kind::kNull ||
                       (value->is_scalar() && value->text.empty()) ||
                       (value->kind == Node::Kind::kSequence && value->items.empty());
    if (!empty) {
      network.problem(name, value->mark, "does not go with the network type " + quote(type));
    }
  }
}

}  // namespace

TargetNetwork read_network(const Node& node, const std::string& path, Findings& findings) {
  const ObjectReader network(node, path, network_fields(), findings);
  network.demand("type");
  static constexpr std::array<std::string_view, 2> kTypes{"none", "host"};
  static constexpr std::array<std::string_view, 2> kLater{"simple", "internal"};
  const auto type = network.get_word("type", kTypes, kLater);
  read_ports(network, findings);
  if (!type) {
    return TargetNetwork{};
  }
  refuse_addresses(network, kTypes[*type]);
  return TargetNetwork{*type == 1 ? TargetNetwork::Type::kHost : TargetNetwork::Type::kNone};
}

}  // namespace mosb::manifest
