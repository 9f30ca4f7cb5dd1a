#include "lxc/helper_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lxc/launch_error.h"
#include "lxc/run_record.h"
#include "lxc/trim_memory.h"
#include "mosb/base/boot_id.h"
#include "mosb/base/json.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr std::chrono::seconds kEndTimeout{10};
/// How long a line may lack its end before it is written without one.
constexpr int kPartialLineMs = 200;
/// Exit code on record for a container whose program never ran.
constexpr int kNotStarted = 125;

SystemTime now() {
  return RealClock().now();
}

UniqueFd open_signals() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGTERM);
  ::sigaddset(&wanted, SIGINT);
  ::sigaddset(&wanted, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  return UniqueFd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// The network namespace of process `pid`, surely of the one that `pidfd` stands for.
Result<UniqueFd> open_network(pid_t pid, const UniqueFd& pidfd) {
  UniqueFd network =
      MOSB_TRY(sys::open("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY).as(Errc::kRuntime));
  pollfd ended{pidfd.get(), POLLIN, 0};
  if (::poll(&ended, 1, 0) != 0) {
    return Error(Errc::kRuntime, "process 1 of the container is gone");
  }
  return network;
}

}  // namespace

void report_outcome(UniqueFd& report, const Status& outcome) {
  if (!report.is_open()) {
    return;
  }
  Json object = {{"ok", outcome.has_value()}};
  if (!outcome) {
    object["code"] = static_cast<int>(outcome.error().code());
    object["message"] = escape(outcome.error().message());
    object["hint"] = escape(outcome.error().hint());
  }
  const std::string text = object.dump();
  // The starter may be gone; the container's fate does not depend on it.
  (void)sys::write_all(report.get(), std::as_bytes(std::span(text)));
  report.reset();
}

HelperLoop::HelperLoop(HelperState state, StarterChannels starter)
    : state_(std::move(state)),
      starter_(std::move(starter)),
      signals_(open_signals()),
      deadline_(Clock::now() + state_.helper.environment.start_timeout) {}

void HelperLoop::run() {
  const auto boot_id = current_boot_id();
  // Durable while liblxc is at work: a start that nobody saw end must be known as one.
  const Status recorded =
      boot_id ? write_start_record(state_.state_path(), {state_.run_id, *boot_id, now()})
              : Status(boot_id.error());
  if (!recorded) {
    fail(recorded.error().context("record the start"));
  }
  while (!monitor_ended_) {
    step();
  }
  finish();
}

int HelperLoop::timeout_ms() const {
  if (phase_ == Phase::kRunning) {
    return state_.log.has_partial_line() ? kPartialLineMs : -1;
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

void HelperLoop::step() {
  std::array<pollfd, 6> fds{{{state_.control.get(), POLLIN, 0},
                             {state_.monitor_pidfd.get(), POLLIN, 0},
                             {state_.out.get(), POLLIN, 0},
                             {state_.err.get(), POLLIN, 0},
                             {signals_.get(), POLLIN, 0},
                             {starter_.connect.get(), POLLIN, 0}}};
  const int ready = ::poll(fds.data(), fds.size(), timeout_ms());
  if (ready == 0) {
    state_.log.flush();
    if (phase_ != Phase::kRunning) {
      on_deadline();
    }
    return;
  }
  if (ready < 0) {
    return;
  }
  if (fds[2].revents != 0 && copy_output(state_.out, 1) == Copied::kEnd) {
    state_.out.reset();
  }
  if (fds[3].revents != 0 && copy_output(state_.err, 2) == Copied::kEnd) {
    state_.err.reset();
  }
  if (fds[4].revents != 0) {
    on_signal();
  }
  if (fds[5].revents != 0) {
    on_answer();
  }
  if (fds[0].revents != 0) {
    on_control();
  }
  if (fds[1].revents != 0) {
    on_monitor_end();
  }
}

HelperLoop::Copied HelperLoop::copy_output(UniqueFd& stream, int number) {
  std::array<char, 16384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read below
  const ssize_t n = ::read(stream.get(), buffer.data(), buffer.size());
  if (n > 0) {
    state_.log.append(number, std::span(buffer).first(static_cast<std::size_t>(n)));
  }
  if (n > 0) {
    return Copied::kSome;
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? Copied::kNothing : Copied::kEnd;
}

void HelperLoop::on_control() {
  ReceivedMessage received;
  if (!receive_message(state_.control.get(), &received)) {
    state_.control.reset();  // its monitor's end says the rest
    return;
  }
  on_message(received);
  for (int i = 0; i < received.fd_count; ++i) {
    ::close(received.fds[i]);
  }
}

void HelperLoop::on_message(const ReceivedMessage& received) {
  const InitMessage& message = received.message;
  if (message.type == InitMessageType::kReady && phase_ == Phase::kSettingUp) {
    on_ready(received);
  } else if (message.type == InitMessageType::kStarted && phase_ == Phase::kStarting) {
    on_started();
  } else if (message.type == InitMessageType::kFailed && phase_ == Phase::kStarting) {
    const ContainerSpec& spec = state_.helper.spec;
    fail(launch_error(message, spec.process.argv[0], spec.process.cwd));
  } else if (message.type == InitMessageType::kExited && !exit_) {
    on_exited(message);
  }
}

void HelperLoop::on_ready(const ReceivedMessage& received) {
  init_pid_ = received.sender;
  auto pidfd = sys::pidfd_open(init_pid_);
  auto facts = read_facts(init_pid_, state_.expected, state_.host, state_.service);
  if (!pidfd || !facts) {
    fail((pidfd ? facts.error() : pidfd.error()).context("look at process 1"));
    return;
  }
  init_pidfd_ = *std::move(pidfd);
  add_probes(*facts, {received.message.value, received.message.detail});
  const std::vector<std::string> wrong = differences(state_.expected, *facts);
  if (!wrong.empty()) {
    fail(Error(Errc::kRuntime, "the container is not confined as asked: " + join(wrong, "; ")));
    return;
  }
  if (state_.helper.spec.network == Network::kConnected) {
    ask_to_connect();
  } else {
    let_go();
  }
}

void HelperLoop::ask_to_connect() {
  const auto network = open_network(init_pid_, init_pidfd_);
  if (!network) {
    fail(network.error().context("find the container's network"));
    return;
  }
  phase_ = Phase::kConnecting;
  const int fd = network->get();
  // The first message into an empty queue: it does not wait for the starter.
  if (!send_message(starter_.connect.get(), {InitMessageType::kConnect, 0, 0}, &fd, 1)) {
    fail(Error(Errc::kRuntime, "nobody is there to connect the container's network"));
  }
}

void HelperLoop::on_answer() {
  ReceivedMessage received;
  const bool answered = receive_message(starter_.connect.get(), &received);
  for (int i = 0; i < received.fd_count; ++i) {
    ::close(received.fds[i]);
  }
  starter_.connect.reset();
  if (phase_ != Phase::kConnecting) {
    return;
  }
  if (!answered || received.message.type != InitMessageType::kConnected) {
    fail(Error(Errc::kRuntime, "the container's network was not connected"));
    return;
  }
  let_go();
}

void HelperLoop::let_go() {
  phase_ = Phase::kStarting;
  const std::array<int, 2> fds{state_.init_spec.get(), state_.listener.get()};
  if (!send_message(state_.control.get(),
                    {InitMessageType::kGo, 0, 0},
                    fds.data(),
                    static_cast<int>(fds.size()))) {
    state_.control.reset();
  }
  state_.init_spec.reset();
  state_.listener.reset();
}

void HelperLoop::on_started() {
  const auto boot_id = current_boot_id();
  const Status recorded =
      boot_id ? write_run_record(
                    state_.run_path(),
                    {state_.run_id, *boot_id, ::getpid(), init_pid_, now(), state_.degraded})
              : Status(boot_id.error());
  if (!recorded) {
    fail(recorded.error().context("record the run"));
    return;
  }
  phase_ = Phase::kRunning;
  report_outcome(starter_.report, ok());
  state_.config = {};
  state_.expected = {};
  trim_memory();
}

bool HelperLoop::killed_for_memory() const {
  const ContainerSpec& spec = state_.helper.spec;
  // Version 2 counts in the parents too and keeps the count; version 1 only where it happened.
  for (const std::string& name :
       {service_cgroup(spec.instance, spec.name), payload_cgroup(spec.instance, spec.name)}) {
    const auto cgroup = Cgroup::at(name);
    const auto kills = cgroup ? cgroup->oom_kills() : Result<std::uint64_t>(cgroup.error());
    if (kills && *kills > 0) {
      return true;
    }
  }
  return false;
}

void HelperLoop::record_exit(ContainerFacts::Exit exit) {
  exit.at = now();
  exit_ = exit;
  const Status recorded = write_exit_record(state_.state_path(), {state_.run_id, exit});
  if (!recorded) {
    state_.log.note("the end could not be recorded: " + recorded.error().message());
  }
}

void HelperLoop::on_exited(const InitMessage& message) {
  record_exit({.code = message.value,
               .signal = message.detail,
               .oom = killed_for_memory(),
               .error = "",
               .at = {}});
  phase_ = Phase::kEnding;
  deadline_ = Clock::now() + kEndTimeout;
  (void)send_message(state_.control.get(), {InitMessageType::kAck, 0, 0});
}

void HelperLoop::on_monitor_end() {
  int wait_status = 0;
  (void)::waitpid(state_.monitor, &wait_status, 0);
  monitor_ended_ = true;
  if (exit_) {
    return;
  }
  if (phase_ != Phase::kRunning && phase_ != Phase::kEnding) {
    const std::string words = last_lxc_words();
    fail(
        Error(Errc::kRuntime, "the container did not start" + (words.empty() ? "" : ": " + words)));
    return;
  }
  const bool oom = killed_for_memory();
  record_exit({.code = 128 + SIGKILL,
               .signal = SIGKILL,
               .oom = oom,
               .error = oom ? "" : "process 1 of the container was killed",
               .at = {}});
}

void HelperLoop::on_signal() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    // The host goes down: let the service end as it likes to.
    if (info.ssi_signo == SIGTERM && init_pidfd_.is_open()) {
      (void)sys::pidfd_send_signal(init_pidfd_.get(), state_.helper.spec.stop_signal);
    }
  }
}

void HelperLoop::on_deadline() {
  if (phase_ == Phase::kEnding) {
    (void)state_.service.kill_all(kKillTimeout);
    (void)::kill(state_.monitor, SIGKILL);
    deadline_ = Clock::now() + kEndTimeout;
    return;
  }
  const std::string words = last_lxc_words();
  fail(Error(Errc::kRuntime,
             std::string(phase_ == Phase::kConnecting ? "the container's network was not connected"
                                                      : "the container did not start") +
                 " within " + std::to_string(state_.helper.environment.start_timeout.count()) +
                 " ms" + (words.empty() ? "" : ": " + words)));
}

void HelperLoop::fail(const Error& error) {
  if (exit_) {
    return;
  }
  record_exit({.code = kNotStarted, .signal = 0, .oom = false, .error = error.message(), .at = {}});
  phase_ = Phase::kEnding;
  deadline_ = Clock::now() + kEndTimeout;
  (void)state_.service.kill_all(kKillTimeout);
  if (!monitor_ended_) {
    (void)::kill(state_.monitor, SIGKILL);
  }
  failure_ = error;
}

void HelperLoop::finish() {
  // All writers are dead: what is in the pipes is all there is.
  while (state_.out.is_open() && copy_output(state_.out, 1) == Copied::kSome) {
  }
  while (state_.err.is_open() && copy_output(state_.err, 2) == Copied::kSome) {
  }
  state_.log.flush();
  state_.log.sync();
  const Status killed = state_.service.kill_all(kKillTimeout);
  const Status removed = killed ? state_.service.remove() : ok();
  if (!killed || !removed) {
    state_.log.note((killed ? removed : killed).error().message());
  }
  (void)sys::unlink(state_.run_path() + "/exec.sock");
  (void)sys::unlink(state_.run_path() + "/run.json");
}

void HelperLoop::end() {
  state_.lock.reset();
  if (failure_) {
    report_outcome(starter_.report, *failure_);
  }
}

}  // namespace mosb::lxc
