/// Runs inside test containers: tries what no service may do and prints one line per attempt.
/// Static, because the container's root has nothing else.
///   probe calls       "NAME ERRNO" for calls that the profile refuses (0: it worked)
///   probe writes      every file below /proc/sys, /sys and the rest of /proc that opened for
///   writing probe sockets     every abstract socket in /proc/net/unix that takes a connection
///   probe descriptors the open descriptors of the process
///   probe flood N     N lines of 100 bytes

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

void report(const char* name, long result) {
  std::printf("%s %d\n", name, result < 0 ? errno : 0);
}

long link_down() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  return ::ioctl(fd, SIOCSIFFLAGS, &request);
}

void try_calls() {
  report("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  report("umount2", ::umount2("/proc", MNT_DETACH));
  report("pivot_root", ::syscall(SYS_pivot_root, ".", "."));
  report("fsopen", ::syscall(SYS_fsopen, "tmpfs", 0));
  report("open_tree", ::syscall(SYS_open_tree, AT_FDCWD, "/", 1));
  report("mount_setattr", ::syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, nullptr, 0));
  report("unshare", ::unshare(CLONE_NEWUSER));
  report("setns", ::syscall(SYS_setns, 0, 0));
  report("clone_newuser", ::syscall(SYS_clone, CLONE_NEWUSER, 0, 0, 0, 0));
  report("clone3", ::syscall(SYS_clone3, nullptr, 0));
  report("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
  report("perf_event_open", ::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0));
  report("userfaultfd", ::syscall(SYS_userfaultfd, 0));
  report("io_uring_setup", ::syscall(SYS_io_uring_setup, 1, nullptr));
  report("keyctl", ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
  report("add_key", ::syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_PROCESS_KEYRING));
  report("ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
  report("process_vm_readv", ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0));
  report("pidfd_getfd", ::syscall(SYS_pidfd_getfd, 0, 0, 0));
  report("open_by_handle_at", ::syscall(SYS_open_by_handle_at, 0, nullptr, 0));
  report("init_module", ::syscall(SYS_init_module, nullptr, 0, ""));
  report("finit_module", ::syscall(SYS_finit_module, 0, "", 0));
  report("kexec_load", ::syscall(SYS_kexec_load, 0, 0, nullptr, 0));
  report("reboot", ::syscall(SYS_reboot, 0, 0, 0, nullptr));
  report("swapon", ::syscall(SYS_swapon, "/x", 0));
  report("settimeofday", ::syscall(SYS_settimeofday, nullptr, nullptr));
  report("syslog", ::syscall(SYS_syslog, 10, nullptr, 0));
  report("mknod", ::mknod("/tmp/device", S_IFCHR | 0600, makedev(1, 3)));
  report("personality", ::personality(ADDR_NO_RANDOMIZE));
  report("tiocsti", ::ioctl(0, TIOCSTI, "x"));
  report("packet_socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  report("raw_socket", ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1));
  report("vsock", ::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  report("alg_socket", ::socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  report("audit_socket", ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
  report("link_down", link_down());
  report("init_memory", ::open("/proc/1/mem", O_RDWR | O_CLOEXEC));
  report("init_program", ::open("/proc/1/exe", O_WRONLY | O_CLOEXEC));
  report("init_descriptors", ::open("/proc/1/fd/4", O_RDWR | O_CLOEXEC));
  report("int80", [] {
    // getpid of the 32-bit ABI
    long result = 20;
#if defined(__x86_64__)
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
#endif
    errno = static_cast<int>(-result);
    return result < 0 ? -1L : 0L;
  }());
  report("x32", ::syscall(0x40000000L + 39));
}

/// What a service may write: its own processes' files.
bool is_own(const std::string& path) {
  return path.compare(0, 6, "/proc/") == 0 &&
         (path[6] == 's' ? path.compare(0, 11, "/proc/self/") == 0 ||
                               path.compare(0, 18, "/proc/thread-self/") == 0
                         : path[6] >= '0' && path[6] <= '9');
}

void walk(const std::string& dir, int depth) {
  DIR* stream = ::opendir(dir.c_str());
  if (stream == nullptr || depth > 12) {
    return;
  }
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name(static_cast<const char*>(entry->d_name));
    const std::string path = dir + "/" + name;
    if (name == "." || name == ".." || is_own(path + "/")) {
      continue;
    }
    if (entry->d_type == DT_DIR) {
      walk(path, depth + 1);
    } else if (entry->d_type == DT_REG) {
      const int fd = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
      struct stat st {};
      // What is covered by /dev/null takes everything and does nothing; what takes no data at all
      // says so even to none.
      if (fd >= 0 && ::fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode) &&
          (::write(fd, "", 0) == 0 || errno != EIO)) {
        std::printf("%s\n", path.c_str());
      }
      ::close(fd);
    }
  }
  ::closedir(stream);
}

void try_sockets() {
  std::FILE* file = std::fopen("/proc/net/unix", "re");
  char line[512];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    const char* at = std::strchr(line, '@');
    if (at == nullptr) {
      continue;
    }
    std::string name(at + 1);
    name.pop_back();
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::memcpy(address.sun_path + 1, name.data(), name.size());
      const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
      const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) {
        std::printf("%s\n", name.c_str());
      }
      ::close(fd);
    }
  }
}

void list_descriptors() {
  DIR* stream = ::opendir("/proc/self/fd");
  while (const dirent* entry = stream == nullptr ? nullptr : ::readdir(stream)) {
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != ".." && name != std::to_string(::dirfd(stream))) {
      std::printf("%s\n", name.c_str());
    }
  }
}

void flood(long lines) {
  const std::string line = std::string(99, 'x') + "\n";
  for (long i = 0; i < lines; ++i) {
    (void)!::write(1, line.data(), line.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  (void)std::setvbuf(stdout, nullptr, _IOFBF, 65536);
  if (what == "calls") {
    try_calls();
  } else if (what == "writes") {
    walk("/proc", 0);
    walk("/sys", 0);
  } else if (what == "sockets") {
    try_sockets();
  } else if (what == "descriptors") {
    list_descriptors();
  } else if (what == "flood" && argc > 2) {
    flood(std::atol(argv[2]));
  } else {
    return 2;
  }
  (void)std::fflush(stdout);
  std::printf("done\n");
  return 0;
}
