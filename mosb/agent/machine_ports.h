#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mosb/agent/machine_forwards.h"
#include "mosb/agent/paths.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// What holds ports of the host besides sockets: services at the bridge and machines that run.
struct PortHolders {
  struct Holder {
    kvm::HostForward port;
    /// "service 'web'".
    std::string name;
  };
  std::vector<Holder> holders;
};

/// Of this instance, but not machine `except`. Errors: kState.
Result<PortHolders> read_port_holders(const Paths& paths, const std::string& except);

/// Tries each port of the host that the machine wants as qemu will, and gives it back. Errors:
/// kNetSetup, naming the port and who holds it.
Status check_host_ports(const kvm::MachineSpec& spec, const PortHolders& holders);

/// Whether a port of the host can't be had at any address, for compose_machine().
PortTaken port_taken(const PortHolders& holders);

}  // namespace mosb::agent
