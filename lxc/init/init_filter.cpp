#include "lxc/init/init_filter.h"

#include <algorithm>
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

#include "lxc/seccomp_policy.h"

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

/// Calls whose arguments decide. The number is loaded when this begins, and still is if none of
/// them is meant.
constexpr std::array kByArgument{
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

    if_equal(SYS_personality, 0, 5),
    load_arg(0),
    if_equal(0, 2, 0),
    if_equal(kPersonalityQuery, 1, 0),
    give(refuse(EPERM)),
    give(kAllow),
};

/// Where allowed numbers begin and end, in order: below the first and from each second on a call is
/// refused.
struct Bounds {
  std::array<unsigned, 2 * kAllowedSyscalls.size()> at{};
  std::size_t count = 0;
};

constexpr Bounds bounds_of_allowed() {
  std::array<unsigned, kAllowedSyscalls.size()> numbers{};
  std::transform(
      kAllowedSyscalls.begin(), kAllowedSyscalls.end(), numbers.begin(), [](const Syscall& call) {
        return call.number;
      });
  std::sort(numbers.begin(), numbers.end());
  Bounds bounds;
  for (const unsigned number : numbers) {
    if (bounds.count == 0 || bounds.at[bounds.count - 1] != number) {
      bounds.at[bounds.count++] = number;
      bounds.at[bounds.count++] = number + 1;
    } else {
      bounds.at[bounds.count - 1] = number + 1;
    }
  }
  return bounds;
}

constexpr Bounds kBounds = bounds_of_allowed();
/// A binary search: one comparison per bound, and a verdict for each stretch between two of them.
constexpr std::size_t kSearchSize = 2 * kBounds.count + 1;

/// Writes the search among the stretches [first, last] at `at`. The value: where the next
/// instruction goes.
constexpr sock_filter* write_search(sock_filter* at, std::size_t first, std::size_t last) {
  if (first == last) {
    *at = give(first % 2 == 1 ? kAllow : refuse(ENOSYS));
    return at + 1;
  }
  const std::size_t middle = (first + last + 1) / 2;
  sock_filter* const low = at + 1;
  sock_filter* const high = write_search(low, first, middle - 1);
  *at = if_at_least(kBounds.at[middle - 1], static_cast<unsigned char>(high - low), 0);
  return write_search(high, middle, last);
}

constexpr std::array kAbi{
    load(offsetof(seccomp_data, arch)),
    if_equal(kNativeArch, 1, 0),
    give(refuse(ENOSYS)),
    load(offsetof(seccomp_data, nr)),
    if_at_least(kX32Bit, 0, 1),
    give(refuse(ENOSYS)),
};

using Program = std::array<sock_filter, kAbi.size() + kByArgument.size() + kSearchSize>;
// The longest jump is over the lower half of the search.
static_assert(kSearchSize / 2 < 256);

constexpr Program make_program() {
  Program program{};
  sock_filter* at = std::copy(kAbi.begin(), kAbi.end(), program.data());
  at = std::copy(kByArgument.begin(), kByArgument.end(), at);
  write_search(at, 0, kBounds.count);
  return program;
}

constexpr Program kProgram = make_program();

}  // namespace

std::span<const sock_filter> container_filter() {
  return kProgram;
}

int install_container_filter() {
  sock_fprog program{static_cast<unsigned short>(kProgram.size()),
                     const_cast<sock_filter*>(kProgram.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

}  // namespace mosb::lxc
