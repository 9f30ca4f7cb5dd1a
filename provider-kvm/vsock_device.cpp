#include "provider-kvm/vsock_device.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "mosb/base/sys.h"

namespace mosb::kvm {

namespace {

/// VHOST_VSOCK_SET_GUEST_CID of linux/vhost.h, which includes what is no C++.
constexpr unsigned long kSetGuestCid = _IOW(0xAF, 0x60, std::uint64_t);

}  // namespace

Status check_vsock(std::uint32_t cid) {
  const std::string what = "vsock " + std::to_string(cid);
  const auto device = sys::open("/dev/vhost-vsock", O_RDWR);
  if (!device) {
    return device.error()
        .context(what)
        .as(Errc::kHost)
        .with_hint("load the kernel's module vhost_vsock, or take vsock out of the machine");
  }
  const std::uint64_t wanted = cid;
  if (::ioctl(device->get(), kSetGuestCid, &wanted) == 0) {
    return ok();
  }
  if (errno == EADDRINUSE) {
    return Error(Errc::kNetSetup, what + " is held by another machine of this host")
        .with_hint("stop it, or give this machine another number");
  }
  return Error::sys(what, errno).as(Errc::kNetSetup);
}

}  // namespace mosb::kvm
