#include "mosb/agent/machine_ports.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <variant>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/agent/service_status.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "mosb/net/socket_table.h"
#include "provider-kvm/run_record.h"

namespace mosb::agent {

namespace {

using kvm::HostForward;

net::Protocol to_net(kvm::Protocol protocol) {
  return protocol == kvm::Protocol::kTcp ? net::Protocol::kTcp : net::Protocol::kUdp;
}

std::string port_text(const HostForward& port) {
  return std::string(port.protocol == kvm::Protocol::kTcp ? "TCP" : "UDP") + " port " +
         std::to_string(port.host_port) +
         (port.host_address ? " of " + port.host_address->str() : "");
}

bool meet(const HostForward& a, const HostForward& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         (!a.host_address || !b.host_address || *a.host_address == *b.host_address ||
          a.host_address->is_unspecified() || b.host_address->is_unspecified());
}

const PortHolders::Holder* find(const PortHolders& holders, const HostForward& port) {
  const auto found = std::find_if(holders.holders.begin(),
                                  holders.holders.end(),
                                  [&](const auto& holder) { return meet(holder.port, port); });
  return found == holders.holders.end() ? nullptr : &*found;
}

sockaddr_in address_of(const HostForward& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port.host_port);
  if (port.host_address) {
    std::memcpy(&address.sin_addr, port.host_address->bytes().data(), sizeof address.sin_addr);
  }
  return address;
}

/// The errno of having the port as qemu's user network (slirp) takes it, or 0.
int try_to_bind(const HostForward& port) {
  const bool tcp = port.protocol == kvm::Protocol::kTcp;
  const UniqueFd socket(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  const sockaddr_in address = address_of(port);
  // For TCP connections that are just ending; for UDP it would let two have the same port.
  const int reuse = tcp ? 1 : 0;
  if (!socket.is_open() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) < 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      (tcp && ::listen(socket.get(), 1) < 0)) {
    return errno;
  }
  return 0;
}

/// "process 812 (nginx)", or what can be told.
std::string socket_holder(const HostForward& port) {
  const auto sockets = net::own_listening_sockets();
  if (sockets) {
    for (const net::ListeningSocket& socket : *sockets) {
      const bool same_place = !port.host_address || port.host_address->is_unspecified() ||
                              socket.address.is_unspecified() ||
                              socket.address == *port.host_address;
      if (socket.protocol == to_net(port.protocol) && socket.port == port.host_port && same_place) {
        const std::string name = net::holder_name(socket);
        return name.empty() ? "a process of this host" : name;
      }
    }
  }
  return "a process of this host";
}

bool is_alive(const kvm::ProcessIdentity& process) {
  const auto pidfd = kvm::open_process(process);
  return pidfd && *pidfd;
}

/// TCP and UDP ports that a service publishes.
void add_service(const ServiceStatus& service, PortHolders& out) {
  const bool runs = service.state != ServiceState::kStopped &&
                    service.state != ServiceState::kCompleted &&
                    service.state != ServiceState::kFailed;
  for (const manifest::TargetPort& port : service.ports) {
    for (const kvm::Protocol protocol : {kvm::Protocol::kTcp, kvm::Protocol::kUdp}) {
      using Published = manifest::TargetPort::Protocol;
      const Published other = protocol == kvm::Protocol::kTcp ? Published::kUdp : Published::kTcp;
      if (runs && port.protocol != other) {
        HostForward forward;
        forward.protocol = protocol;
        forward.host_port = port.host;
        if (port.host_ip && port.host_ip->is_v4()) {
          forward.host_address = port.host_ip;
        }
        out.holders.push_back({forward, "service " + quote(service.name)});
      }
    }
  }
}

}  // namespace

Result<PortHolders> read_port_holders(const Paths& paths, const std::string& except) {
  PortHolders out;
  for (const std::string& name : MOSB_TRY(machine_names(paths))) {
    const std::string file = MachinePaths(paths, name).runtime().dir() + "/run.json";
    const auto record = kvm::read_run_record(file);
    // What is damaged or gone holds no port: the sockets are asked, too.
    if (name == except || !record || !*record || !is_alive((*record)->qemu)) {
      continue;
    }
    for (const HostForward& forward : (*record)->forwards) {
      out.holders.push_back({forward, "machine " + quote(name)});
    }
  }
  for (const ServiceStatus& service : MOSB_TRY(list_services(paths))) {
    add_service(service, out);
  }
  return out;
}

Status check_host_ports(const kvm::MachineSpec& spec, const PortHolders& holders) {
  for (const kvm::Nic& nic : spec.nics) {
    const auto* const user = std::get_if<kvm::UserNetwork>(&nic.network);
    if (user == nullptr) {
      continue;
    }
    for (const HostForward& port : user->forwards) {
      const std::string what = "nic " + quote(nic.id) + ": " + port_text(port);
      if (const auto* const holder = find(holders, port)) {
        return Error(Errc::kNetSetup, what + " is held by " + holder->name)
            .with_hint("stop it, or give the machine another port of the host");
      }
      const int err = try_to_bind(port);
      if (err == EADDRINUSE) {
        return Error(Errc::kNetSetup, what + " is held by " + socket_holder(port))
            .with_hint("end it, or give the machine another port of the host");
      }
      if (err != 0) {
        return Error::sys(what, err).as(Errc::kNetSetup);
      }
    }
  }
  return ok();
}

PortTaken port_taken(const PortHolders& holders) {
  return [holders](kvm::Protocol protocol, std::uint16_t port) {
    HostForward any;
    any.protocol = protocol;
    any.host_port = port;
    return find(holders, any) != nullptr || try_to_bind(any) != 0;
  };
}

}  // namespace mosb::agent
