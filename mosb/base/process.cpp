#include "mosb/base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <span>

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/deadline.h"
#include "mosb/base/program.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) {
    out.push_back(const_cast<char*>(s.c_str()));  // exec does not write to them
  }
  out.push_back(nullptr);
  return out;
}

std::vector<int> numbers(const std::vector<UniqueFd>& fds) {
  std::vector<int> out;
  out.reserve(fds.size());
  for (const UniqueFd& fd : fds) {
    out.push_back(fd.get());
  }
  return out;
}

/// What the child needs, made before it: it may not allocate.
struct Launch {
  std::vector<char*> argv;
  std::vector<char*> env;
  /// The child's descriptors, above all the numbers that they will get.
  std::vector<int> high_fds;
  std::vector<int> cgroup_tasks;
  int report_fd;
  bool new_session;
  int directory;
  std::optional<std::uint32_t> user;
  bool no_new_privileges;
};

enum class LaunchStep { kCgroup, kUser, kProgram };

/// What a child says that does not come to run its program.
struct LaunchFailure {
  LaunchStep step;
  int err;
};

[[noreturn]] void give_up(int report_fd, LaunchStep step) {
  const LaunchFailure failure{step, errno};
  (void)!::write(report_fd, &failure, sizeof failure);
  ::_exit(127);
}

/// By system calls: glibc's functions would call the handlers of threads that are not here. Leaving
/// user 0 for another takes all capabilities.
bool become_user(std::uint32_t id) {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, id, id, id) == 0 &&
         ::syscall(SYS_setresuid, id, id, id) == 0;
}

/// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const Launch& launch) {
  for (const int tasks : launch.cgroup_tasks) {
    if (::write(tasks, "0", 1) != 1) {
      give_up(launch.report_fd, LaunchStep::kCgroup);
    }
  }
  for (int sig = 1; sig < 32; ++sig) {
    (void)::signal(sig, SIG_DFL);  // NOLINT(cert-err33-c): SIGKILL and SIGSTOP cannot be set
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (launch.new_session) {
    ::setsid();
  }
  if (launch.directory >= 0 && ::fchdir(launch.directory) < 0) {
    give_up(launch.report_fd, LaunchStep::kProgram);
  }
  if ((launch.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) ||
      (launch.user && !become_user(*launch.user))) {
    give_up(launch.report_fd, LaunchStep::kUser);
  }
  int next = 0;
  for (const int fd : launch.high_fds) {
    if (::dup2(fd, next++) < 0) {
      give_up(launch.report_fd, LaunchStep::kProgram);
    }
  }
  const int report = next;
  if (::dup3(launch.report_fd, report, O_CLOEXEC) < 0) {
    give_up(launch.report_fd, LaunchStep::kProgram);
  }
  ::close_range(static_cast<unsigned>(report) + 1, ~0U, 0);
  ::execve(launch.argv[0], launch.argv.data(), launch.env.data());
  give_up(report, LaunchStep::kProgram);
}

/// fork(2) with a pidfd, into the cgroup of version 2 that `cgroup` (or -1) is the directory of.
pid_t fork_into(int cgroup, int* pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<unsigned long long>(cgroup);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

Error outside(const CgroupEntrance& cgroup, int err) {
  return Error::sys("start a process in cgroup " + quote(cgroup.name), err)
      .as(Errc::kRuntime)
      .with_hint("look at what changes cgroups on this host, and try again");
}

Error not_launched(const Spawn& what, const LaunchFailure& failure) {
  switch (failure.step) {
    case LaunchStep::kCgroup:
      return outside(*what.cgroup, failure.err);
    case LaunchStep::kUser:
      return Error::sys("give up privileges for " + quote(what.argv[0]), failure.err)
          .as(Errc::kRuntime);
    case LaunchStep::kProgram:
      break;
  }
  return Error::sys("run " + quote(what.argv[0]), failure.err).as(Errc::kRuntime);
}

/// Copies of `fds` above every number that the child will use, so that dup2 in order is safe.
Result<std::vector<UniqueFd>> lift(const std::vector<int>& fds) {
  std::vector<UniqueFd> high;
  for (const int fd : fds) {
    UniqueFd source;
    if (fd < 0) {
      source = MOSB_TRY(sys::open("/dev/null", O_RDWR));
    }
    const int from = fd < 0 ? source.get() : fd;
    const int least = static_cast<int>(fds.size()) + 8;
    UniqueFd lifted(::fcntl(from, F_DUPFD_CLOEXEC, least));
    if (!lifted.is_open()) {
      return Error::sys("duplicate a file descriptor", errno);
    }
    high.push_back(std::move(lifted));
  }
  return high;
}

struct Stream {
  UniqueFd fd;
  std::string* bytes;
};

/// Reads what is there. False when too much came.
bool drain(Stream& stream, ByteCount limit) {
  std::array<char, 16384> buffer{};
  const ssize_t n = ::read(stream.fd.get(), buffer.data(), buffer.size());
  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      stream.fd.reset();
    }
    return true;
  }
  stream.bytes->append(buffer.data(), static_cast<std::size_t>(n));
  return stream.bytes->size() <= limit.value;
}

/// Reads both outputs until the child has closed them.
Status collect(const Command& command, Stream& out, Stream& err, const Deadline& deadline) {
  while (out.fd.is_open() || err.fd.is_open()) {
    std::array<pollfd, 2> fds{{{out.fd.get(), POLLIN, 0}, {err.fd.get(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), deadline.poll_ms());
    if (ready <= 0) {
      if (ready == 0 && deadline.over()) {
        return Error(Errc::kRuntime, quote(command.argv[0]) + " did not end in time");
      }
      continue;
    }
    if ((fds[0].revents != 0 && !drain(out, command.output_limit)) ||
        (fds[1].revents != 0 && !drain(err, command.output_limit))) {
      return Error(Errc::kRuntime, quote(command.argv[0]) + " printed too much");
    }
  }
  return ok();
}

/// A file with the text, read from its start: a pipe would have to be fed while the child runs, and
/// SIGPIPE would come if the child did not want it all.
Result<UniqueFd> input_file(const std::string& text) {
  UniqueFd file = MOSB_TRY(sys::memfd("input"));
  MOSB_CHECK(sys::pwrite_all(file.get(), std::as_bytes(std::span(text)), 0));
  return file;
}

int exit_code(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

Result<Child> spawn(const Spawn& what) {
  const std::vector<UniqueFd> high = MOSB_TRY(lift(what.fds));
  sys::Pipe report = MOSB_TRY(sys::pipe());
  UniqueFd report_high(
      ::fcntl(report.write.get(), F_DUPFD_CLOEXEC, static_cast<int>(what.fds.size()) + 8));
  Launch launch{.argv = pointers(what.argv),
                .env = pointers(what.env),
                .high_fds = numbers(high),
                .cgroup_tasks = {},
                .report_fd = report_high.get(),
                .new_session = what.new_session,
                .directory = what.directory,
                .user = what.user,
                .no_new_privileges = what.no_new_privileges};
  if (what.cgroup != nullptr) {
    launch.cgroup_tasks = numbers(what.cgroup->tasks);
  }
  int raw_pidfd = -1;
  const pid_t pid =
      fork_into(what.cgroup == nullptr ? -1 : what.cgroup->directory.get(), &raw_pidfd);
  if (pid < 0) {
    const int err = errno;
    return what.cgroup == nullptr ? Error::sys("start a process", err) : outside(*what.cgroup, err);
  }
  if (pid == 0) {
    become(launch);
  }
  UniqueFd pidfd(raw_pidfd);
  report.write.reset();
  report_high.reset();
  LaunchFailure failure{LaunchStep::kProgram, 0};
  const auto n = sys::read(report.read.get(), std::as_writable_bytes(std::span(&failure, 1)));
  if (!n || *n != 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return not_launched(what, failure);
  }
  return Child{pid, std::move(pidfd)};
}

Result<std::optional<int>> wait_for(const Child& child,
                                    std::optional<std::chrono::milliseconds> timeout) {
  pollfd fd{child.pidfd.get(), POLLIN, 0};
  const Deadline deadline = Deadline::in(timeout.value_or(std::chrono::milliseconds(0)));
  for (;;) {
    const int ready = ::poll(&fd, 1, timeout ? deadline.poll_ms() : -1);
    if (ready > 0) {
      break;
    }
    if (ready == 0 && deadline.over()) {
      return std::optional<int>();
    }
    if (ready < 0 && errno != EINTR) {
      return Error::sys("wait for a process", errno);
    }
  }
  int status = 0;
  if (::waitpid(child.pid, &status, 0) < 0) {
    return Error::sys("wait for process " + std::to_string(child.pid), errno);
  }
  return std::optional<int>(status);
}

Result<Completed> RealProcessRunner::run(const Command& command) {
  const Deadline deadline = Deadline::in(command.timeout);
  const UniqueFd text = MOSB_TRY(input_file(command.input));
  const int in = command.input_fd >= 0 ? command.input_fd : text.get();
  sys::Pipe out = MOSB_TRY(sys::pipe());
  sys::Pipe err = MOSB_TRY(sys::pipe());
  Spawn what{.argv = command.argv,
             .env = command.env,
             .fds = {in, out.write.get(), err.write.get()},
             .cgroup = command.cgroup};
  what.argv[0] = MOSB_TRY(find_program(command.argv[0]));
  const Child child = MOSB_TRY(spawn(what));
  out.write.reset();
  err.write.reset();
  Completed completed;
  Stream out_stream{std::move(out.read), &completed.out};
  Stream err_stream{std::move(err.read), &completed.err};
  const Status collected = collect(command, out_stream, err_stream, deadline);
  if (!collected) {
    ::kill(-child.pid, SIGKILL);
  }
  auto status = wait_for(child, deadline.left());
  if (!status || !*status) {
    ::kill(-child.pid, SIGKILL);
    status = wait_for(child, std::nullopt);
    if (collected) {
      return Error(Errc::kRuntime, quote(command.argv[0]) + " did not end in time");
    }
  }
  MOSB_CHECK(collected);
  completed.status = exit_code(**status);
  return completed;
}

}  // namespace mosb
