#include "provider-kvm/tap_device.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

ifreq request(const std::string& name) {
  ifreq out{};
  std::strncpy(static_cast<char*>(out.ifr_name), name.c_str(), IFNAMSIZ - 1);
  return out;
}

Error refused(const std::string& what, int err) {
  return Error::sys(what, err).as(Errc::kNetSetup);
}

/// The tap of that name; made if it is missing.
Result<UniqueFd> open_tap(const std::string& ifname) {
  UniqueFd fd = MOSB_TRY(sys::open("/dev/net/tun", O_RDWR).as(Errc::kHost));
  ifreq tap = request(ifname);
  // The header's are what qemu asks for, too: it must open the same kind of device.
  tap.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(fd.get(), TUNSETIFF, &tap) < 0) {
    return refused("make tap " + quote(ifname), errno);
  }
  return fd;
}

Status set_up(const std::string& ifname, const std::string& bridge) {
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control.is_open()) {
    return Error::sys("make a socket", errno);
  }
  ifreq port = request(bridge);
  port.ifr_ifindex = static_cast<int>(::if_nametoindex(ifname.c_str()));
  if (::ioctl(control.get(), SIOCBRADDIF, &port) < 0) {
    return refused("make " + quote(ifname) + " a port of bridge " + quote(bridge), errno);
  }
  ifreq flags = request(ifname);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &flags) < 0) {
    return refused("look at " + quote(ifname), errno);
  }
  flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_UP);
  if (::ioctl(control.get(), SIOCSIFFLAGS, &flags) < 0) {
    return refused("set " + quote(ifname) + " up", errno);
  }
  return ok();
}

}  // namespace

Status make_tap(const std::string& ifname, const std::string& bridge) {
  if (::if_nametoindex(bridge.c_str()) == 0) {
    return Error(Errc::kNetSetup, "there is no bridge " + quote(bridge))
        .with_hint("make the bridge first, or use network: user");
  }
  if (::if_nametoindex(ifname.c_str()) != 0) {
    return Error(Errc::kNetSetup, "there is a device " + quote(ifname) + " already");
  }
  const UniqueFd tap = MOSB_TRY(open_tap(ifname));
  // Until it is made persistent it goes with our descriptor.
  MOSB_CHECK(set_up(ifname, bridge));
  if (::ioctl(tap.get(), TUNSETPERSIST, 1) < 0) {
    return refused("keep tap " + quote(ifname), errno);
  }
  return ok();
}

Status remove_tap(const std::string& ifname) {
  if (::if_nametoindex(ifname.c_str()) == 0) {
    return ok();
  }
  const UniqueFd tap = MOSB_TRY(open_tap(ifname));
  if (::ioctl(tap.get(), TUNSETPERSIST, 0) < 0) {
    return refused("remove tap " + quote(ifname), errno);
  }
  return ok();
}

}  // namespace mosb::kvm
