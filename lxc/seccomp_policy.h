#pragma once

#include <array>
#include <string_view>

#include <sys/syscall.h>

/// The system calls that a service may make, for mosb-init, whose filter is made of them while it
/// is compiled, and for tests.
namespace mosb::lxc {

struct Syscall {
  std::string_view name;
  unsigned number;
};

// clang-format off
#define MOSB_CALL(name) Syscall{#name, SYS_##name}

/// What every service may call: all of x86-64 Linux 6.1 without kRemovedSyscalls. Everything else
/// gives ENOSYS, which lets C libraries fall back (clone3).
inline constexpr auto kAllowedSyscalls = std::to_array<Syscall>({
    MOSB_CALL(accept), MOSB_CALL(accept4), MOSB_CALL(bind), MOSB_CALL(brk), MOSB_CALL(capget),
    MOSB_CALL(capset), MOSB_CALL(chdir), MOSB_CALL(chroot), MOSB_CALL(clock_getres),
    MOSB_CALL(clock_gettime), MOSB_CALL(clock_nanosleep), MOSB_CALL(clone), MOSB_CALL(close),
    MOSB_CALL(close_range), MOSB_CALL(connect), MOSB_CALL(copy_file_range), MOSB_CALL(dup),
    MOSB_CALL(dup3), MOSB_CALL(epoll_create1), MOSB_CALL(epoll_ctl), MOSB_CALL(epoll_pwait),
    MOSB_CALL(epoll_pwait2), MOSB_CALL(eventfd2), MOSB_CALL(execve), MOSB_CALL(execveat),
    MOSB_CALL(exit), MOSB_CALL(exit_group), MOSB_CALL(faccessat), MOSB_CALL(faccessat2),
    MOSB_CALL(fadvise64), MOSB_CALL(fallocate), MOSB_CALL(fanotify_mark), MOSB_CALL(fchdir),
    MOSB_CALL(fchmod), MOSB_CALL(fchmodat), MOSB_CALL(fchown), MOSB_CALL(fchownat),
    MOSB_CALL(fcntl), MOSB_CALL(fdatasync), MOSB_CALL(fgetxattr), MOSB_CALL(flistxattr),
    MOSB_CALL(flock), MOSB_CALL(fremovexattr), MOSB_CALL(fsetxattr), MOSB_CALL(fstat),
    MOSB_CALL(fstatfs), MOSB_CALL(fsync), MOSB_CALL(ftruncate), MOSB_CALL(futex),
    MOSB_CALL(futex_waitv), MOSB_CALL(get_mempolicy), MOSB_CALL(get_robust_list), MOSB_CALL(getcpu),
    MOSB_CALL(getcwd), MOSB_CALL(getdents64), MOSB_CALL(getegid), MOSB_CALL(geteuid),
    MOSB_CALL(getgid), MOSB_CALL(getgroups), MOSB_CALL(getitimer), MOSB_CALL(getpeername),
    MOSB_CALL(getpgid), MOSB_CALL(getpid), MOSB_CALL(getppid), MOSB_CALL(getpriority),
    MOSB_CALL(getrandom), MOSB_CALL(getresgid), MOSB_CALL(getresuid), MOSB_CALL(getrlimit),
    MOSB_CALL(getrusage), MOSB_CALL(getsid), MOSB_CALL(getsockname), MOSB_CALL(getsockopt),
    MOSB_CALL(gettid), MOSB_CALL(gettimeofday), MOSB_CALL(getuid), MOSB_CALL(getxattr),
    MOSB_CALL(inotify_add_watch), MOSB_CALL(inotify_init1), MOSB_CALL(inotify_rm_watch),
    MOSB_CALL(io_cancel), MOSB_CALL(io_destroy), MOSB_CALL(io_getevents), MOSB_CALL(io_pgetevents),
    MOSB_CALL(io_setup), MOSB_CALL(io_submit), MOSB_CALL(ioctl), MOSB_CALL(ioprio_get),
    MOSB_CALL(ioprio_set), MOSB_CALL(kill), MOSB_CALL(landlock_add_rule),
    MOSB_CALL(landlock_create_ruleset), MOSB_CALL(landlock_restrict_self), MOSB_CALL(lgetxattr),
    MOSB_CALL(linkat), MOSB_CALL(listen), MOSB_CALL(listxattr), MOSB_CALL(llistxattr),
    MOSB_CALL(lremovexattr), MOSB_CALL(lseek), MOSB_CALL(lsetxattr), MOSB_CALL(madvise),
    MOSB_CALL(membarrier), MOSB_CALL(memfd_create), MOSB_CALL(memfd_secret), MOSB_CALL(mincore),
    MOSB_CALL(mkdirat), MOSB_CALL(mknodat), MOSB_CALL(mlock), MOSB_CALL(mlock2),
    MOSB_CALL(mlockall), MOSB_CALL(mmap), MOSB_CALL(mprotect), MOSB_CALL(mq_getsetattr),
    MOSB_CALL(mq_notify), MOSB_CALL(mq_open), MOSB_CALL(mq_timedreceive), MOSB_CALL(mq_timedsend),
    MOSB_CALL(mq_unlink), MOSB_CALL(mremap), MOSB_CALL(msgctl), MOSB_CALL(msgget),
    MOSB_CALL(msgrcv), MOSB_CALL(msgsnd), MOSB_CALL(msync), MOSB_CALL(munlock),
    MOSB_CALL(munlockall), MOSB_CALL(munmap), MOSB_CALL(nanosleep), MOSB_CALL(newfstatat),
    MOSB_CALL(openat), MOSB_CALL(openat2), MOSB_CALL(personality), MOSB_CALL(pidfd_open),
    MOSB_CALL(pidfd_send_signal), MOSB_CALL(pipe2), MOSB_CALL(pkey_alloc), MOSB_CALL(pkey_free),
    MOSB_CALL(pkey_mprotect), MOSB_CALL(ppoll), MOSB_CALL(prctl), MOSB_CALL(pread64),
    MOSB_CALL(preadv), MOSB_CALL(preadv2), MOSB_CALL(prlimit64), MOSB_CALL(process_madvise),
    MOSB_CALL(process_mrelease), MOSB_CALL(pselect6), MOSB_CALL(pwrite64), MOSB_CALL(pwritev),
    MOSB_CALL(pwritev2), MOSB_CALL(read), MOSB_CALL(readahead), MOSB_CALL(readlinkat),
    MOSB_CALL(readv), MOSB_CALL(recvfrom), MOSB_CALL(recvmmsg), MOSB_CALL(recvmsg),
    MOSB_CALL(remap_file_pages), MOSB_CALL(removexattr), MOSB_CALL(renameat), MOSB_CALL(renameat2),
    MOSB_CALL(restart_syscall), MOSB_CALL(rseq), MOSB_CALL(rt_sigaction), MOSB_CALL(rt_sigpending),
    MOSB_CALL(rt_sigprocmask), MOSB_CALL(rt_sigqueueinfo), MOSB_CALL(rt_sigreturn),
    MOSB_CALL(rt_sigsuspend), MOSB_CALL(rt_sigtimedwait), MOSB_CALL(rt_tgsigqueueinfo),
    MOSB_CALL(sched_get_priority_max), MOSB_CALL(sched_get_priority_min),
    MOSB_CALL(sched_getaffinity), MOSB_CALL(sched_getattr), MOSB_CALL(sched_getparam),
    MOSB_CALL(sched_getscheduler), MOSB_CALL(sched_rr_get_interval), MOSB_CALL(sched_setaffinity),
    MOSB_CALL(sched_setattr), MOSB_CALL(sched_setparam), MOSB_CALL(sched_setscheduler),
    MOSB_CALL(sched_yield), MOSB_CALL(seccomp), MOSB_CALL(semctl), MOSB_CALL(semget),
    MOSB_CALL(semop), MOSB_CALL(semtimedop), MOSB_CALL(sendfile), MOSB_CALL(sendmmsg),
    MOSB_CALL(sendmsg), MOSB_CALL(sendto), MOSB_CALL(set_robust_list), MOSB_CALL(set_tid_address),
    MOSB_CALL(setdomainname), MOSB_CALL(setfsgid), MOSB_CALL(setfsuid), MOSB_CALL(setgid),
    MOSB_CALL(setgroups), MOSB_CALL(sethostname), MOSB_CALL(setitimer), MOSB_CALL(setpgid),
    MOSB_CALL(setpriority), MOSB_CALL(setregid), MOSB_CALL(setresgid), MOSB_CALL(setresuid),
    MOSB_CALL(setreuid), MOSB_CALL(setrlimit), MOSB_CALL(setsid), MOSB_CALL(setsockopt),
    MOSB_CALL(setuid), MOSB_CALL(setxattr), MOSB_CALL(shmat), MOSB_CALL(shmctl), MOSB_CALL(shmdt),
    MOSB_CALL(shmget), MOSB_CALL(shutdown), MOSB_CALL(sigaltstack), MOSB_CALL(signalfd4),
    MOSB_CALL(socket), MOSB_CALL(socketpair), MOSB_CALL(splice), MOSB_CALL(statfs),
    MOSB_CALL(statx), MOSB_CALL(symlinkat), MOSB_CALL(sync), MOSB_CALL(sync_file_range),
    MOSB_CALL(syncfs), MOSB_CALL(sysinfo), MOSB_CALL(tee), MOSB_CALL(tgkill),
    MOSB_CALL(timer_create), MOSB_CALL(timer_delete), MOSB_CALL(timer_getoverrun),
    MOSB_CALL(timer_gettime), MOSB_CALL(timer_settime), MOSB_CALL(timerfd_create),
    MOSB_CALL(timerfd_gettime), MOSB_CALL(timerfd_settime), MOSB_CALL(times), MOSB_CALL(tkill),
    MOSB_CALL(truncate), MOSB_CALL(umask), MOSB_CALL(uname), MOSB_CALL(unlinkat),
    MOSB_CALL(utimensat), MOSB_CALL(vmsplice), MOSB_CALL(wait4), MOSB_CALL(waitid),
    MOSB_CALL(write), MOSB_CALL(writev),
#if defined(__x86_64__)
    // Newer architectures never had these.
    MOSB_CALL(access), MOSB_CALL(alarm), MOSB_CALL(arch_prctl), MOSB_CALL(chmod), MOSB_CALL(chown),
    MOSB_CALL(creat), MOSB_CALL(dup2), MOSB_CALL(epoll_create), MOSB_CALL(epoll_wait),
    MOSB_CALL(eventfd), MOSB_CALL(fork), MOSB_CALL(futimesat), MOSB_CALL(get_thread_area),
    MOSB_CALL(getdents), MOSB_CALL(getpgrp), MOSB_CALL(inotify_init), MOSB_CALL(lchown),
    MOSB_CALL(link), MOSB_CALL(lstat), MOSB_CALL(mkdir), MOSB_CALL(mknod), MOSB_CALL(open),
    MOSB_CALL(pause), MOSB_CALL(pipe), MOSB_CALL(poll), MOSB_CALL(readlink), MOSB_CALL(rename),
    MOSB_CALL(rmdir), MOSB_CALL(select), MOSB_CALL(set_thread_area), MOSB_CALL(signalfd),
    MOSB_CALL(stat), MOSB_CALL(symlink), MOSB_CALL(time), MOSB_CALL(unlink), MOSB_CALL(ustat),
    MOSB_CALL(utime), MOSB_CALL(utimes), MOSB_CALL(vfork),
#endif
});

#undef MOSB_CALL

/// What is left out, so that a test can show that nothing was forgotten: mounting, namespaces,
/// modules, tracing, keys, clocks and what nobody uses any more.
inline constexpr auto kRemovedSyscalls = std::to_array<std::string_view>({
    "_sysctl", "acct", "add_key", "adjtimex", "afs_syscall", "bpf", "clock_adjtime",
    "clock_settime", "clone3", "create_module", "delete_module", "epoll_ctl_old", "epoll_wait_old",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms",
    "getpmsg", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm",
    "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind",
    "migrate_pages", "modify_ldt", "mount", "mount_setattr", "move_mount", "move_pages",
    "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open",
    "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "putpmsg",
    "query_module", "quotactl", "quotactl_fd", "reboot", "request_key", "security", "set_mempolicy",
    "set_mempolicy_home_node", "setns", "settimeofday", "swapoff", "swapon", "sysfs", "syslog",
    "tuxcall", "umount2", "unshare", "uselib", "userfaultfd", "vhangup", "vserver",
});
// clang-format on

}  // namespace mosb::lxc
