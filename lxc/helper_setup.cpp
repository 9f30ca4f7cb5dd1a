#include "lxc/helper_setup.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lxc/apparmor.h"
#include "lxc/init_protocol.h"
#include "lxc/init_spec.h"
#include "lxc/lxc_api.h"
#include "lxc/private_root.h"
#include "lxc/resource_limits.h"
#include "lxc/run_record.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// Where the child has the host's network namespace.
constexpr int kHostNetworkFd = 4;
constexpr std::size_t kChildFds = 5;
constexpr ByteCount kMaxLxcLog{256 * kKiB};

std::string fd_path(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Result<SocketPair> make_control_sockets() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    return Error::sys("socketpair", errno);
  }
  SocketPair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
  const int on = 1;  // the kernel then tells each message's sender
  if (::setsockopt(pair.ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
    return Error::sys("setsockopt SO_PASSCRED", errno);
  }
  return pair;
}

/// The socket that exec clients connect to. Its directory is closed to everybody but root.
Result<UniqueFd> listen_for_exec(const std::string& run_path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) {
    return Error::sys("socket", errno);
  }
  const std::string path = run_path + "/exec.sock";
  MOSB_CHECK(sys::unlink(path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(Errc::kInternal, "path of the exec socket is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(path.c_str(), 0600) < 0 || ::listen(fd.get(), 16) < 0) {
    return Error::sys("listen on the exec socket", errno);
  }
  return fd;
}

/// The child: exactly descriptors 0 to 3 (and the network namespace), then liblxc, then the end.
[[noreturn]] void run_liblxc(const std::array<int, kChildFds>& fds, const LxcRun& run) {
  // Our end must not outlive the helper's: without a recorder there is no service.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || ::getppid() == 1) {
    ::_exit(1);
  }
  std::array<int, kChildFds> high{};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    high[i] = fds[i] < 0 ? -1 : ::fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
  }
  for (int i = 0; i < static_cast<int>(high.size()); ++i) {
    const int from = high[static_cast<std::size_t>(i)];
    if (from < 0) {
      ::close(i);
    } else if (::dup3(from, i, i == kHostNetworkFd ? O_CLOEXEC : 0) < 0 && errno != EINVAL) {
      ::_exit(1);
    }
  }
  ::close_range(static_cast<unsigned>(high.size()), ~0U, 0);
  (void)::signal(SIGPIPE, SIG_DFL);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const Status ran = run_in_foreground(run);
  if (!ran) {
    if (const auto log = sys::open(kPrivateLog, O_WRONLY | O_APPEND | O_CREAT, 0600)) {
      const std::string line = "mosb ERROR - " + ran.error().message() + "\n";
      (void)sys::write_all(log->get(), std::as_bytes(std::span(line)));
    }
    ::_exit(1);
  }
  ::_exit(0);
}

struct Streams {
  sys::Pipe out;
  sys::Pipe err;
  SocketPair control;
  UniqueFd host_network;
};

Status fork_monitor(HelperState& state, Streams streams, const LxcRun& run) {
  const UniqueFd null = MOSB_TRY(sys::open("/dev/null", O_RDWR));
  const std::array<int, kChildFds> fds{null.get(),
                                       streams.out.write.get(),
                                       streams.err.write.get(),
                                       streams.control.theirs.get(),
                                       streams.host_network.get()};
  const pid_t pid = ::fork();
  if (pid < 0) {
    return Error::sys("fork", errno);
  }
  if (pid == 0) {
    run_liblxc(fds, run);
  }
  state.monitor = pid;
  state.monitor_pidfd = MOSB_TRY(sys::pidfd_open(pid));
  state.out = std::move(streams.out.read);
  state.err = std::move(streams.err.read);
  state.control = std::move(streams.control.ours);
  for (const UniqueFd* fd : {&state.out, &state.err}) {
    if (::fcntl(fd->get(), F_SETFL, O_NONBLOCK) < 0) {
      return Error::sys("set O_NONBLOCK", errno);
    }
  }
  return ok();
}

ConfigHost host_configuration(HelperState& state) {
  ConfigHost config;
  config.masked = masked_paths("/");
  config.read_only = read_only_proc_paths("/");
  AppArmor apparmor = find_apparmor();
  config.apparmor_profile = std::move(apparmor.profile);
  if (!apparmor.why_not.empty()) {
    state.degraded.push_back(std::move(apparmor.why_not));
  }
  config.host_network = "/proc/self/fd/" + std::to_string(kHostNetworkFd);
  return config;
}

/// Leaves the host's network behind: liblxc's command socket has no place in a file system, so the
/// network namespace is what keeps it from services.
Result<UniqueFd> leave_network(Network network) {
  UniqueFd host;
  if (network == Network::kHost) {
    host = MOSB_TRY(sys::open("/proc/self/ns/net", O_RDONLY));
  }
  if (::unshare(CLONE_NEWNET) < 0) {
    return Error::sys("make a network namespace", errno).as(Errc::kHost);
  }
  return host;
}

CgroupLimits cgroup_limits(const Limits& limits) {
  return {limits.memory, limits.pids, limits.cpu_millis};
}

}  // namespace

std::string HelperState::run_path() const {
  return fd_path(run_dir);
}

std::string HelperState::state_path() const {
  return fd_path(state_dir);
}

Status leave_monitor_cgroup(const ContainerSpec& spec) {
  MOSB_CHECK(Cgroup::move_to_root(::getpid()));
  const Cgroup own = MOSB_TRY(Cgroup::at(monitor_cgroup(spec.instance, spec.name)));
  return own.remove();
}

Result<HelperState> set_up(const HelperSpec& helper, UniqueFd init_spec, const ItemsHook& hook) {
  static const RealClock clock;
  const ContainerSpec& spec = helper.spec;
  UniqueFd lock = MOSB_TRY(take_run_lock(spec.run_dir));
  HelperState state{
      .helper = helper,
      .run_id = new_run_id(),
      .lock = std::move(lock),
      .run_dir = MOSB_TRY(sys::open(spec.run_dir, O_RDONLY | O_DIRECTORY)),
      .state_dir = MOSB_TRY(sys::open(spec.state_dir, O_RDONLY | O_DIRECTORY)),
      .log = MOSB_TRY(
          LogFile::open({spec.log_path, spec.log_max, spec.log_keep}, clock).as(Errc::kRuntime)),
      .service = MOSB_TRY(Cgroup::create(service_cgroup(spec.instance, spec.name))),
      .host = MOSB_TRY(read_host_facts()),
      .config = {},
      .expected = {},
      .degraded = {},
      .init_spec = {},
      .listener = {},
      .out = {},
      .err = {},
      .control = {},
      .monitor_pidfd = {},
  };
  state.init_spec = std::move(init_spec);
  state.listener = MOSB_TRY(listen_for_exec(state.run_path()));
  MOSB_CHECK(state.service.set_limits(cgroup_limits(spec.limits)));
  state.config = host_configuration(state);
  Streams streams{MOSB_TRY(sys::pipe()),
                  MOSB_TRY(sys::pipe()),
                  MOSB_TRY(make_control_sockets()),
                  MOSB_TRY(leave_network(spec.network))};
  state.config.tmpfs =
      MOSB_TRY(enter_private_root(spec, helper.environment.libexec_dir + "/mosb-init"));
  state.host.rlimits = MOSB_TRY(set_resource_limits());
  state.expected = expected_facts(spec, state.config, state.host);
  LxcRun run{spec.name, kPrivateLxcPath, MOSB_TRY(config_items(spec, state.config)), {kInitPath}};
  hook(run.items);
  MOSB_CHECK(fork_monitor(state, std::move(streams), run));
  return state;
}

std::string last_lxc_words() {
  const auto text = read_file(kPrivateLog, kMaxLxcLog);
  if (!text) {
    return "";
  }
  std::string words;
  int count = 0;
  for (const std::string& line : split(*text, '\n')) {
    constexpr int kLines = 3;  // the first say what failed, the rest what followed from it
    constexpr std::string_view kMark = " - ";
    const std::size_t error = line.find("ERROR");
    const std::size_t text_at = error == std::string::npos ? error : line.find(kMark, error);
    if (text_at != std::string::npos && count++ < kLines) {
      words += (words.empty() ? "" : "; ") + escape(line.substr(text_at + kMark.size()));
    }
  }
  return words;
}

}  // namespace mosb::lxc
