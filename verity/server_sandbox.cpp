#include "verity/server_sandbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mosb/base/unique_fd.h"
#include "mosb/base/user_namespace.h"

#if defined(__SANITIZE_ADDRESS__)
#define MOSB_ADDRESS_SANITIZER 1
#elif defined(__has_feature)  // clang's way to say it
#if __has_feature(address_sanitizer)
#define MOSB_ADDRESS_SANITIZER 1
#endif
#endif

namespace mosb::verity {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kAuditArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kAuditArch = AUDIT_ARCH_AARCH64;
#else
#error "no seccomp architecture known for this processor"
#endif

Status step(const char* what, long result) {
  if (result < 0) {
    return Error::sys(std::string("sandbox: ") + what, errno).as(Errc::kHost);
  }
  return ok();
}

Status set_limit(const char* what, __rlimit_resource resource, std::uint64_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  return step(what, ::setrlimit(resource, &limit));
}

Status empty_bounding_set() {
  for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    // EINVAL: a capability that this kernel does not have.
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL) {
      return Error::sys("sandbox: drop a capability", errno).as(Errc::kHost);
    }
  }
  return ok();
}

/// Changing the user emptied the permitted and effective sets, but not the inheritable one.
Status drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> none{};
  return step("drop capabilities", ::syscall(SYS_capset, &header, none.data()));
}

Status change_ids() {
  MOSB_CHECK(step("drop groups", ::setgroups(0, nullptr)));
  MOSB_CHECK(step("change the group", ::setresgid(kServerId, kServerId, kServerId)));
  return step("change the user", ::setresuid(kServerId, kServerId, kServerId));
}

/// `(argument & mask) == value`, on the low 32 bits: all arguments in question are ints.
struct Condition {
  unsigned argument;
  std::uint32_t mask;
  std::uint32_t value;
};

struct Allowed {
  std::uint32_t call;
  std::vector<Condition> conditions;
};

std::uint32_t argument_offset(unsigned argument) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                    argument * sizeof(std::uint64_t));
}

void append_rule(std::vector<sock_filter>& program, const Allowed& allowed) {
  // Per condition: load, mask, compare; then the verdict. A failed comparison goes to the kill
  // that ends the rule.
  const auto length = static_cast<std::uint8_t>(3 * allowed.conditions.size() + 2);
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed.call, 0, length));
  std::uint8_t left = length;
  for (const Condition& condition : allowed.conditions) {
    left = static_cast<std::uint8_t>(left - 3);
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_offset(condition.argument)));
    program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition.mask));
    program.push_back(BPF_JUMP(
        BPF_JMP | BPF_JEQ | BPF_K, condition.value, 0, static_cast<std::uint8_t>(left - 1)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

std::vector<sock_filter> build_filter(std::span<const Allowed> rules) {
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAuditArch, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const Allowed& rule : rules) {
    append_rule(program, rule);
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  return program;
}

std::vector<Allowed> allowed_calls(int blob_fd) {
  const Condition not_executable{.argument = 2, .mask = PROT_EXEC, .value = 0};
  const Condition anonymous{.argument = 3, .mask = MAP_ANONYMOUS, .value = MAP_ANONYMOUS};
  const Condition only_blob{
      .argument = 0, .mask = UINT32_MAX, .value = static_cast<std::uint32_t>(blob_fd)};
  std::vector<Allowed> calls{
      {SYS_read, {}},
      {SYS_writev, {}},
      {SYS_pread64, {only_blob}},
      {SYS_futex, {}},
      {SYS_write, {}},
      {SYS_close, {}},
      {SYS_mmap, {not_executable, anonymous}},
      {SYS_mprotect, {not_executable}},
      {SYS_munmap, {}},
      {SYS_mremap, {}},
      {SYS_madvise, {}},
      {SYS_brk, {}},
      {SYS_sched_yield, {}},
      {SYS_nanosleep, {}},
      {SYS_clock_nanosleep, {}},
      {SYS_restart_syscall, {}},
      {SYS_rt_sigreturn, {}},
      {SYS_exit, {}},
      {SYS_exit_group, {}},
  };
#if defined(MOSB_ADDRESS_SANITIZER)
  // What the sanitizers' own run-time code does between our calls.
  for (const int call : {SYS_pipe2, SYS_getpid, SYS_gettid, SYS_sigaltstack}) {
    calls.push_back({static_cast<std::uint32_t>(call), {}});
  }
#endif
  return calls;
}

}  // namespace

Result<ServerLimits::User> user_of_server() {
  const bool is_root = ::geteuid() == 0 && MOSB_TRY(is_in_host_user_namespace());
  return is_root ? ServerLimits::User::kServer : ServerLimits::User::kCaller;
}

Status leave_mounts() {
  MOSB_CHECK(step("leave the mount namespace", ::unshare(CLONE_NEWNS)));
  MOSB_CHECK(
      step("keep mounts apart", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)));
  const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  MOSB_CHECK(step("make an empty directory", context.get()));
  MOSB_CHECK(step("make an empty directory",
                  ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)));
  constexpr unsigned kAttributes =
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const UniqueFd empty(::fsmount(context.get(), FSMOUNT_CLOEXEC, kAttributes));
  MOSB_CHECK(step("make an empty directory", empty.get()));
  MOSB_CHECK(
      step("mount it", ::move_mount(empty.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)));
  MOSB_CHECK(step("go to it", ::fchdir(empty.get())));
  // With the same directory twice the old root comes to lie on the new one; pivot_root(2).
  MOSB_CHECK(step("change the root", ::syscall(SYS_pivot_root, ".", ".")));
  return step("drop all mounts", ::umount2(".", MNT_DETACH));
}

Status drop_privileges(const ServerLimits& limits) {
  MOSB_CHECK(step("close descriptors",
                  ::close_range(static_cast<unsigned>(limits.highest_fd) + 1, ~0U, 0)));
  MOSB_CHECK(step("go to /", ::chdir("/")));
  (void)::signal(SIGPIPE, SIG_IGN);
  MOSB_CHECK(set_limit("limit core dumps", RLIMIT_CORE, 0));
#if !defined(MOSB_ADDRESS_SANITIZER)  // its shadow memory alone is 16 TiB of addresses
  MOSB_CHECK(set_limit("limit memory", RLIMIT_AS, limits.address_space.value));
#endif
  if (limits.processor_time.count() > 0) {
    MOSB_CHECK(set_limit("limit processor time",
                         RLIMIT_CPU,
                         static_cast<std::uint64_t>(limits.processor_time.count())));
  }
  if (limits.user == ServerLimits::User::kServer) {
    MOSB_CHECK(empty_bounding_set());
    MOSB_CHECK(change_ids());
  }
  MOSB_CHECK(drop_capabilities());
  MOSB_CHECK(step("no new privileges", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
  // After the change of user, which sets it to fs.suid_dumpable.
  return step("not dumpable", ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

Status restrict_system_calls(int blob_fd) {
  std::vector<sock_filter> program = build_filter(allowed_calls(blob_fd));
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  const long result =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (result > 0) {
    return Error(Errc::kHost, "sandbox: a thread has a system call filter of its own");
  }
  return step("filter system calls", result);
}

}  // namespace mosb::verity
