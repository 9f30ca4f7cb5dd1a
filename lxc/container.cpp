#include "lxc/container.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lxc/config_items.h"
#include "lxc/init/init_messages.h"
#include "lxc/init_spec.h"
#include "lxc/last_exit.h"
#include "lxc/program_readahead.h"
#include "lxc/run_record.h"
#include "lxc/spec_codec.h"
#include "mosb/base/boot_id.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/json.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxReport{64 * kKiB};
/// Beyond the start timeout, which the helper itself keeps: for its own clearing up.
constexpr std::chrono::seconds kHelperSlack{25};
/// A helper that has nothing more to watch ends within this.
constexpr std::chrono::seconds kHelperEnd{30};

/// The starter's part in connecting a container's network.
struct Connecting {
  const ConnectNetwork& connect;
  /// Where the helper sends the namespace; closed when it is answered, or for other networks.
  UniqueFd socket = {};
  /// What `connect` returned if it failed.
  std::optional<Error> refusal = {};
};

/// A pair of sockets; the helper's end is the value.
Result<UniqueFd> open_connection(Connecting& connecting) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    return Error::sys("socketpair", errno);
  }
  connecting.socket = UniqueFd(ends[0]);
  return UniqueFd(ends[1]);
}

/// Takes the namespace and has it connected. To the helper, no answer is the answer no.
void answer(Connecting& connecting) {
  const UniqueFd socket = std::move(connecting.socket);
  ReceivedMessage received;
  if (!receive_message(socket.get(), &received)) {
    return;  // the helper has given up; its report says why
  }
  std::vector<UniqueFd> fds;
  for (int i = 0; i < received.fd_count; ++i) {
    fds.emplace_back(received.fds[i]);
  }
  if (received.message.type != InitMessageType::kConnect || fds.size() != 1) {
    connecting.refusal = Error(Errc::kRuntime, "the helper did not send a network to connect");
    return;
  }
  const Status connected = connecting.connect(fds[0].get());
  if (connected) {
    (void)send_message(socket.get(), {InitMessageType::kConnected, 0, 0});
  } else {
    connecting.refusal = connected.error();
  }
}

/// Everything the helper writes until it closes its end.
Result<std::string> read_report(const UniqueFd& fd,
                                Connecting& connecting,
                                std::chrono::milliseconds timeout) {
  const Deadline deadline = Deadline::in(timeout);
  std::string text;
  for (;;) {
    std::array<pollfd, 2> wait{{{fd.get(), POLLIN, 0}, {connecting.socket.get(), POLLIN, 0}}};
    const int ready = ::poll(wait.data(), wait.size(), deadline.poll_ms());
    if (ready == 0) {
      return Error(Errc::kRuntime, "the helper did not answer in time");
    }
    if (ready > 0 && wait[1].revents != 0) {
      answer(connecting);
      continue;
    }
    std::array<char, 4096> buffer{};
    const ssize_t n = ready < 0 ? -1 : ::read(fd.get(), buffer.data(), buffer.size());
    if (n == 0) {
      return text;
    }
    if (n > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    if (text.size() > kMaxReport.value || (n < 0 && errno != EINTR)) {
      return Error(Errc::kRuntime, "the helper's answer is no answer");
    }
  }
}

/// The outcome that the helper wrote.
Status parse_report(const std::string& text) {
  if (text.empty()) {
    return Error(Errc::kRuntime, "the helper ended without a word");
  }
  const Json object = MOSB_TRY(json::parse(text, kMaxReport).as(Errc::kRuntime));
  if (MOSB_TRY(json::optional_bool(object, "ok")).value_or(false)) {
    return ok();
  }
  const std::uint64_t code = MOSB_TRY(json::require_uint(object, "code"));
  Error error(static_cast<Errc>(code), MOSB_TRY(json::require_string(object, "message")));
  const std::string hint = MOSB_TRY(json::require_string(object, "hint"));
  return hint.empty() ? error : std::move(error).with_hint(hint);
}

Status run_helper(const ContainerSpec& spec,
                  const RuntimeEnvironment& environment,
                  Connecting& connecting) {
  const UniqueFd init_spec = MOSB_TRY(seal_init_spec(spec.process));
  const UniqueFd helper_spec =
      MOSB_TRY(seal_bytes("mosb-run-spec", to_json(HelperSpec{spec, environment}).dump()));
  sys::Pipe report = MOSB_TRY(sys::pipe());
  std::vector<int> fds{-1, -1, -1, helper_spec.get(), init_spec.get(), report.write.get()};
  UniqueFd connection;
  if (spec.network == Network::kConnected) {
    connection = MOSB_TRY(open_connection(connecting));
    fds.push_back(connection.get());
  }
  // From its first instruction on everything of this container can be found by its cgroups.
  const Cgroup cgroup = MOSB_TRY(Cgroup::create(monitor_cgroup(spec.instance, spec.name) + "/run"));
  const CgroupEntrance entrance = MOSB_TRY(cgroup.entrance());
  const Child child = MOSB_TRY(spawn({.argv = {environment.libexec_dir + "/mosb-run", spec.name},
                                      .env = {},
                                      .fds = std::move(fds),
                                      .cgroup = &entrance}));
  report.write.reset();
  connection.reset();
  read_program_ahead(spec);
  // It forks at once; only its child stays.
  if (!MOSB_TRY(wait_for(child, kKillTimeout))) {
    ::kill(child.pid, SIGKILL);
    (void)wait_for(child, std::nullopt);
  }
  return parse_report(
      MOSB_TRY(read_report(report.read, connecting, environment.start_timeout + kHelperSlack)));
}

/// Waits until the helper has let go of its lock. False after the timeout.
Result<bool> wait_for_helper(const ContainerId& id, const Deadline& deadline) {
  UniqueFd pidfd;
  const auto record = MOSB_TRY(read_run_record(id.run_dir));
  if (record && record->helper_pid > 0) {
    const Cgroup monitor = MOSB_TRY(Cgroup::at(monitor_cgroup(id.instance, id.name)));
    auto opened = sys::pidfd_open(record->helper_pid);
    if (opened && monitor.contains(record->helper_pid)) {
      pidfd = *std::move(opened);
    }
  }
  constexpr int kLookAgainMs = 5;  // only where the helper cannot be waited for
  while (MOSB_TRY(run_lock_is_held(id.run_dir))) {
    if (deadline.over()) {
      return false;
    }
    const int left = deadline.poll_ms();
    pollfd wait{pidfd.get(), POLLIN, 0};
    if (::poll(&wait, 1, pidfd.is_open() ? left : std::min(left, kLookAgainMs)) > 0) {
      pidfd.reset();
    }
  }
  return true;
}

/// Sends it if the process is in the cgroup, so that nobody else can have its number.
Result<bool> signal_in(const Cgroup& cgroup, pid_t pid, int signal) {
  const auto pidfd = sys::pidfd_open(pid);
  if (!pidfd || !cgroup.contains(pid)) {
    return false;
  }
  MOSB_CHECK(sys::pidfd_send_signal(pidfd->get(), signal));
  return true;
}

/// Signals process 1, which hands it on. Where somebody took it out of its cgroup, the helper is
/// asked, which knows it: SIGTERM makes it send the stop signal.
Status signal_init(const ContainerId& id, int signal) {
  const auto record = MOSB_TRY(read_run_record(id.run_dir));
  if (!record || record->init_pid <= 0 || record->boot_id != MOSB_TRY(current_boot_id())) {
    return ok();
  }
  const Cgroup service = MOSB_TRY(Cgroup::at(service_cgroup(id.instance, id.name)));
  if (MOSB_TRY(signal_in(service, record->init_pid, signal))) {
    return ok();
  }
  const Cgroup monitor = MOSB_TRY(Cgroup::at(monitor_cgroup(id.instance, id.name)));
  (void)MOSB_TRY(signal_in(monitor, record->helper_pid, SIGTERM));
  return ok();
}

Status kill_container(const ContainerId& id, std::chrono::milliseconds patience) {
  const Cgroup service = MOSB_TRY(Cgroup::at(service_cgroup(id.instance, id.name)));
  const bool is_whole = service.exists();
  MOSB_CHECK(service.kill_all(patience));
  // Without its cgroup nothing was killed, and the helper has no reason to end.
  if (is_whole && MOSB_TRY(wait_for_helper(id, Deadline::in(kHelperEnd)))) {
    return ok();
  }
  const Cgroup monitor = MOSB_TRY(Cgroup::at(monitor_cgroup(id.instance, id.name)));
  return monitor.kill_all(patience);
}

/// The end of a run that nobody recorded.
ContainerFacts::Exit unrecorded_end(const StartRecord& start, const std::string& boot_id) {
  return {.code = 128 + SIGKILL,
          .signal = SIGKILL,
          .oom = false,
          .error = start.boot_id == boot_id ? "its helper was killed" : "the host was restarted",
          .at = start.since};
}

}  // namespace

ContainerId id_of(const ContainerSpec& spec) {
  return {spec.name, spec.instance, spec.run_dir, spec.state_dir};
}

Result<std::optional<ContainerFacts::Exit>> last_exit(const ContainerId& id) {
  const auto start = MOSB_TRY(read_start_record(id.state_dir));
  const auto exit = MOSB_TRY(read_exit_record(id.state_dir));
  if (start && (!exit || exit->run_id != start->run_id)) {
    return std::optional(unrecorded_end(*start, MOSB_TRY(current_boot_id())));
  }
  return exit ? std::optional(exit->exit) : std::nullopt;
}

Status start(const ContainerSpec& spec,
             const RuntimeEnvironment& environment,
             const ConnectNetwork& connect) {
  MOSB_CHECK(check_spec(spec));
  const std::string what = "start " + quote(spec.name);
  if (spec.network == Network::kConnected && !connect) {
    return Error(Errc::kInternal, what + ": nobody is given who connects its network");
  }
  MOSB_CHECK(sys::mkdir_all(spec.run_dir, 0700).context(what));
  MOSB_CHECK(sys::mkdir_all(spec.state_dir, 0700).context(what));
  const ContainerId id = id_of(spec);
  if (MOSB_TRY(run_lock_is_held(spec.run_dir))) {
    return Error(Errc::kBusy, what + ": the container runs already");
  }
  MOSB_CHECK(collect_garbage(id).context(what));
  Connecting connecting{connect};
  Status started = run_helper(spec, environment, connecting);
  if (started) {
    return ok();
  }
  const bool is_others = started.error().code() == Errc::kBusy && !connecting.refusal;
  if (connecting.refusal) {
    started = *connecting.refusal;
  }
  if (!is_others) {
    MOSB_CHECK(kill_container(id, kKillTimeout).context(what));
    MOSB_CHECK(collect_garbage(id).context(what));
  }
  return std::move(started).context(what);
}

Result<ContainerFacts> observe(const ContainerId& id) {
  ContainerFacts facts;
  const bool held = MOSB_TRY(run_lock_is_held(id.run_dir));
  if (held) {
    const auto run = MOSB_TRY(read_run_record(id.run_dir));
    const auto exit = MOSB_TRY(read_exit_record(id.state_dir));
    if (exit) {
      facts.last_exit = exit->exit;
    }
    facts.state = RunState::kStarting;
    if (!run || run->boot_id != MOSB_TRY(current_boot_id())) {
      return facts;
    }
    facts.since = run->since;
    facts.degraded = run->degraded;
    const Cgroup service = MOSB_TRY(Cgroup::at(service_cgroup(id.instance, id.name)));
    if (service.contains(run->init_pid)) {
      facts.state = RunState::kRunning;
      facts.init_pid = run->init_pid;
      return facts;
    }
    // Ended, and its helper is about to end.
    facts.state = RunState::kExited;
    return facts;
  }
  facts.last_exit = MOSB_TRY(last_exit(id));
  if (facts.last_exit) {
    facts.state = RunState::kExited;
    facts.since = facts.last_exit->at;
  }
  return facts;
}

Status ask_to_stop(const ContainerId& id, int signal) {
  if (MOSB_TRY(run_lock_is_held(id.run_dir))) {
    MOSB_CHECK(signal_init(id, signal).context("stop " + quote(id.name)));
  }
  return ok();
}

Status finish_stop(const ContainerId& id,
                   const Deadline& deadline,
                   std::chrono::milliseconds patience) {
  const std::string what = "stop " + quote(id.name);
  if (MOSB_TRY(run_lock_is_held(id.run_dir)) && !MOSB_TRY(wait_for_helper(id, deadline))) {
    MOSB_CHECK(kill_container(id, patience).context(what));
  }
  MOSB_CHECK(collect_garbage(id).context(what));
  // Its parents may be empty though somebody else removed it.
  const Cgroup service = MOSB_TRY(Cgroup::at(service_cgroup(id.instance, id.name)).context(what));
  return service.remove().context(what);
}

Status stop(const ContainerId& id, int signal, std::chrono::milliseconds grace) {
  MOSB_CHECK(ask_to_stop(id, signal));
  return finish_stop(id, Deadline::in(grace));
}

}  // namespace mosb::lxc
