#include "lxc/init/init_filter.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mosb::lxc {

namespace {

#if defined(__x86_64__)
constexpr unsigned kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kNativeArch = AUDIT_ARCH_AARCH64;
#else
#error "the seccomp argument filter is not written for this architecture"
#endif

/// System call numbers from here on are the x32 ABI's.
constexpr unsigned kX32Bit = 0x40000000;
/// Every CLONE_NEW* flag that clone(2) knows.
constexpr unsigned kNamespaceFlags = 0x7e020000;
/// personality(0xffffffff) only asks.
constexpr unsigned kPersonalityQuery = 0xffffffff;
constexpr unsigned kAllow = SECCOMP_RET_ALLOW;

constexpr unsigned refuse(int err) {
  return SECCOMP_RET_ERRNO | static_cast<unsigned>(err);
}

constexpr sock_filter load(std::size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<unsigned>(offset)};
}

/// The low half of an argument; these calls take ints, the kernel drops the rest as well.
constexpr sock_filter load_arg(unsigned index) {
  return load(offsetof(seccomp_data, args) + std::size_t{8} * index);
}

/// Skips `then` instructions if the loaded word is `value`, else `otherwise`.
constexpr sock_filter if_equal(unsigned value, unsigned char then, unsigned char otherwise) {
  return {BPF_JMP | BPF_JEQ | BPF_K, then, otherwise, value};
}

constexpr sock_filter if_at_least(unsigned value, unsigned char then, unsigned char otherwise) {
  return {BPF_JMP | BPF_JGE | BPF_K, then, otherwise, value};
}

constexpr sock_filter if_any_bit(unsigned bits, unsigned char then, unsigned char otherwise) {
  return {BPF_JMP | BPF_JSET | BPF_K, then, otherwise, bits};
}

constexpr sock_filter give(unsigned action) {
  return {BPF_RET | BPF_K, 0, 0, action};
}

}  // namespace

int install_argument_filter() {
  const std::array program{
      load(offsetof(seccomp_data, arch)),
      if_equal(kNativeArch, 1, 0),
      give(refuse(ENOSYS)),
      load(offsetof(seccomp_data, nr)),
      if_at_least(kX32Bit, 0, 1),
      give(refuse(ENOSYS)),

      if_equal(SYS_ioctl, 0, 5),
      load_arg(1),
      if_equal(TIOCSTI, 1, 0),
      if_equal(TIOCLINUX, 0, 1),
      give(refuse(EPERM)),
      give(kAllow),

      if_equal(SYS_socket, 0, 9),
      load_arg(0),
      if_equal(AF_UNIX, 6, 0),
      if_equal(AF_INET, 5, 0),
      if_equal(AF_INET6, 4, 0),
      if_equal(AF_NETLINK, 0, 2),
      load_arg(2),
      if_equal(NETLINK_ROUTE, 1, 0),
      give(refuse(EAFNOSUPPORT)),
      give(kAllow),

      if_equal(SYS_clone, 0, 4),
      load_arg(0),
      if_any_bit(kNamespaceFlags, 0, 1),
      give(refuse(EPERM)),
      give(kAllow),

      if_equal(SYS_personality, 0, 4),
      load_arg(0),
      if_equal(0, 2, 0),
      if_equal(kPersonalityQuery, 1, 0),
      give(refuse(EPERM)),
      give(kAllow),
  };
  sock_fprog prog{static_cast<unsigned short>(program.size()),
                  const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ? 0 : errno;
}

}  // namespace mosb::lxc
