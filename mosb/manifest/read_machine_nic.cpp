#include <algorithm>
#include <array>

#include "mosb/base/text.h"
#include "mosb/manifest/machine_fields.h"
#include "mosb/manifest/read_machine.h"
#include "mosb/manifest/scalar.h"

namespace mosb::manifest {

namespace {

using Type = MachineNetwork::Type;

constexpr std::array<std::string_view, 5> kDevices{
    "virtio-net", "e1000", "e1000e", "rtl8139", "igb"};
/// What the kernel takes as a name of a device.
constexpr std::size_t kMostDeviceName = 15;

Result<MachineNetwork> as_network(const Node& node) {
  const std::string text = MOSB_TRY(as_qemu_value(node));
  if (text == "user" || text == "none") {
    return MachineNetwork{text == "user" ? Type::kUser : Type::kNone};
  }
  const bool bridge = text.starts_with("bridge:");
  if (!bridge && !text.starts_with("tap:")) {
    return Error(Errc::kManifest,
                 quote(text) + " is none of 'user', 'none', 'bridge:NAME' and 'tap:NAME'");
  }
  std::string device = text.substr(text.find(':') + 1);
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (device.empty() || device.size() > kMostDeviceName || device == "." || device == ".." ||
      !std::all_of(device.begin(), device.end(), good)) {
    return Error(Errc::kManifest, quote(device) + " is no name of a network device");
  }
  return MachineNetwork{bridge ? Type::kBridge : Type::kTap, std::move(device)};
}

struct Endpoint {
  std::optional<IpAddress> address;
  std::uint16_t port = 0;
};

Endpoint read_endpoint(const ObjectReader& rule, std::string_view name) {
  Endpoint out;
  rule.demand(name);
  if (const Node* const node = rule.find(name)) {
    const ObjectReader end(*node, rule.path(name), machine_endpoint_fields(), rule.findings());
    out.address = read_given(end, "address", as_ipv4);
    out.port = end.require("port", as_port).value_or(0);
  }
  return out;
}

bool overlap(const MachinePort& a, const MachinePort& b) {
  const bool any = !a.host_address || !b.host_address || a.host_address->is_unspecified() ||
                   b.host_address->is_unspecified();
  return a.protocol == b.protocol && a.host == b.host && (any || a.host_address == b.host_address);
}

MachinePort read_port(const Node& node, const std::string& path, MachineFindings& findings) {
  static constexpr std::array<std::string_view, 2> kProtocols{"tcp", "udp"};
  const ObjectReader rule(node, path, machine_port_fields(), findings.problems);
  MachinePort out;
  out.protocol = read_word(rule, "protocol", kProtocols) == std::size_t{1}
                     ? MachinePort::Protocol::kUdp
                     : MachinePort::Protocol::kTcp;
  const Endpoint host = read_endpoint(rule, "host");
  const Endpoint guest = read_endpoint(rule, "guest");
  out.host_address = host.address;
  out.host = host.port;
  out.guest_address = guest.address;
  out.guest = guest.port;
  if (!out.host_address && out.host != 0) {
    findings.warn(rule,
                  "host",
                  "has no address: the port is open at all addresses of this host; 127.0.0.1 keeps "
                  "it to the host itself");
  }
  return out;
}

void check_host_port(const MachinePort& port,
                     const Mark& mark,
                     const std::string& field,
                     MachineFindings& findings) {
  const auto same = std::find_if(findings.host_ports.begin(),
                                 findings.host_ports.end(),
                                 [&](const auto& other) { return overlap(port, other.first); });
  if (port.host != 0 && same != findings.host_ports.end()) {
    findings.problems.add(mark,
                          field,
                          "port " + std::to_string(port.host) +
                              " of the host stands twice, first "
                              "in line " +
                              std::to_string(same->second));
  } else {
    findings.host_ports.emplace_back(port, mark.line);
  }
}

void read_ports(const ObjectReader& nic, MachineNic& out, MachineFindings& findings) {
  for (const auto& [path, node] : nic.get_list("ports")) {
    const MachinePort port = read_port(*node, path, findings);
    check_host_port(port, node->mark, path, findings);
    out.ports.push_back(port);
  }
  if (!out.ports.empty() && out.network.type != Type::kUser) {
    nic.problem("ports", nic.find("ports")->mark, "only a 'user' network forwards ports");
  }
}

MachineRom read_rom(const ObjectReader& nic) {
  if (is_off(nic.find("romfile"))) {
    return {MachineRom::From::kNone};
  }
  if (auto path = read_given(nic, "romfile", as_host_path)) {
    return {MachineRom::From::kFile, *std::move(path)};
  }
  return {};
}

void read_network_of(const ObjectReader& nic, MachineNic& out, MachineFindings& findings) {
  static constexpr std::array<std::string_view, 1> kForward{"auto"};
  out.network = read_given(nic, "network", as_network).value_or(MachineNetwork{});
  if (out.network.type == Type::kNone) {
    findings.warn(nic,
                  "network",
                  "the card has no cable; project machine's tool gave every card a user network");
  }
  out.forward_auto = read_word(nic, "forward", kForward).has_value();
  if (out.forward_auto && out.network.type == Type::kUser) {
    findings.warn(nic, "forward", "opens the ports at all addresses of this host");
  }
  if (out.forward_auto && out.network.type != Type::kUser) {
    nic.problem("forward", nic.find("forward")->mark, "only a 'user' network forwards ports");
  }
}

}  // namespace

MachineNic read_machine_nic(const Node& node, const std::string& path, MachineFindings& findings) {
  const ObjectReader nic(node, path, machine_nic_fields(), findings.problems);
  MachineNic out;
  out.id = read_given(nic, "id", as_nic_id).value_or("");
  if (!out.id.empty()) {
    findings.values.add(
        "id " + quote(out.id), nic.find("id")->mark, nic.path("id"), findings.problems);
  }
  nic.demand("device");
  if (nic.find("device") != nullptr && !is_given(nic.find("device"))) {
    nic.problem("device", nic.find("device")->mark, "is empty");
  } else if (const auto device = read_word(nic, "device", kDevices)) {
    out.device = kDevices[*device];
  }
  read_network_of(nic, out, findings);
  read_ports(nic, out, findings);
  out.mac = read_given(nic, "mac", as_mac).value_or("");
  if (!out.mac.empty()) {
    findings.values.add(
        "mac " + quote(out.mac), nic.find("mac")->mark, nic.path("mac"), findings.problems);
  }
  out.bootindex = read_bootindex(nic, findings);
  out.rom = read_rom(nic);
  out.slot = read_slot(nic, findings);
  return out;
}

}  // namespace mosb::manifest
