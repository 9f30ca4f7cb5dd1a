#include "lxc/exec.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lxc/exec_relay.h"
#include "lxc/init/init_messages.h"
#include "lxc/init_spec.h"
#include "lxc/launch_error.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// What the command's three streams are joined to, on both sides.
struct Pipes {
  sys::Pipe in;
  sys::Pipe out;
  sys::Pipe err;
};

Result<UniqueFd> connect_to_init(const ContainerId& id) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) {
    return Error::sys("socket", errno);
  }
  // By descriptor: the path of the directory may be longer than a socket's address.
  const UniqueFd dir = MOSB_TRY(sys::open(id.run_dir, O_PATH | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(dir.get()) + "/exec.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int err = errno;
    return Error::sys("connect to the container", err).as(Errc::kRuntime);
  }
  return fd;
}

/// The container could send any descriptor; only a pseudo-terminal's master is one to talk to.
Status check_terminal(int fd) {
  constexpr unsigned kTtyMajor = 5;
  constexpr unsigned kPtmxMinor = 2;
  const struct stat st = MOSB_TRY(sys::fstat(fd, "the terminal"));
  struct statfs fs {};
  if (::fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) ||
      st.st_rdev != makedev(kTtyMajor, kPtmxMinor)) {
    return Error(Errc::kRuntime, "the container gave something else than a terminal");
  }
  return ok();
}

void close_received(const ReceivedMessage& received) {
  for (int i = 0; i < received.fd_count; ++i) {
    ::close(received.fds[i]);
  }
}

/// Waits for the word that the command runs. The value: the terminal, if one was asked for.
Result<UniqueFd> wait_for_start(int connection, const ExecRequest& request) {
  ReceivedMessage received;
  if (!receive_message(connection, &received)) {
    return Error(Errc::kRuntime, "the container ended");
  }
  if (received.message.type == InitMessageType::kFailed) {
    close_received(received);
    return launch_error(received.message, request.process.argv[0], request.process.cwd);
  }
  if (received.message.type != InitMessageType::kStarted ||
      received.fd_count != (request.tty ? 1 : 0)) {
    close_received(received);
    return Error(Errc::kRuntime, "the container's answer is no answer");
  }
  if (!request.tty) {
    return UniqueFd();
  }
  UniqueFd terminal(received.fds[0]);
  MOSB_CHECK(check_terminal(terminal.get()));
  return terminal;
}

/// Rows and columns of a terminal as kExec carries them; 0 if it is none.
std::int32_t window_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0) {
    return 0;
  }
  return static_cast<std::int32_t>((std::uint32_t{size.ws_row} << 16U) | size.ws_col);
}

Status send_request(int connection,
                    const ExecRequest& request,
                    const UniqueFd& spec,
                    const Pipes* pipes) {
  std::array<int, kMaxMessageFds> fds{spec.get(), -1, -1, -1};
  int count = 1;
  if (pipes != nullptr) {
    fds = {spec.get(), pipes->in.read.get(), pipes->out.write.get(), pipes->err.write.get()};
    count = kMaxMessageFds;
  }
  const InitMessage message{InitMessageType::kExec,
                            pipes == nullptr ? 1 : 0,
                            pipes == nullptr ? window_size(request.stdin_fd) : 0};
  if (!send_message(connection, message, fds.data(), count)) {
    return Error(Errc::kRuntime, "the container ended");
  }
  return ok();
}

Result<int> exec_with_terminal(const ExecRequest& request, int connection, const UniqueFd& spec) {
  MOSB_CHECK(send_request(connection, request, spec, nullptr));
  UniqueFd terminal = MOSB_TRY(wait_for_start(connection, request));
  std::vector<ExecStream> streams;
  streams.emplace_back(ExecStream::Direction::kToCommand,
                       MOSB_TRY(sys::dup_cloexec(terminal.get())),
                       request.stdin_fd);
  streams.emplace_back(ExecStream::Direction::kFromCommand,
                       MOSB_TRY(sys::dup_cloexec(terminal.get())),
                       request.stdout_fd);
  return relay_until_exit(connection, std::move(streams), std::move(terminal), request.stdin_fd);
}

Result<int> exec_with_pipes(const ExecRequest& request, int connection, const UniqueFd& spec) {
  // One by one: in a list, clang 14 does not close the earlier ones where a later one fails.
  Pipes pipes;
  pipes.in = MOSB_TRY(sys::pipe());
  pipes.out = MOSB_TRY(sys::pipe());
  pipes.err = MOSB_TRY(sys::pipe());
  MOSB_CHECK(send_request(connection, request, spec, &pipes));
  pipes.in.read.reset();
  pipes.out.write.reset();
  pipes.err.write.reset();
  (void)MOSB_TRY(wait_for_start(connection, request));
  using Direction = ExecStream::Direction;
  std::vector<ExecStream> streams;
  streams.emplace_back(Direction::kToCommand, std::move(pipes.in.write), request.stdin_fd);
  streams.emplace_back(Direction::kFromCommand, std::move(pipes.out.read), request.stdout_fd);
  streams.emplace_back(Direction::kFromCommand, std::move(pipes.err.read), request.stderr_fd);
  return relay_until_exit(connection, std::move(streams), UniqueFd(), -1);
}

}  // namespace

Result<int> exec(const ExecRequest& request) {
  const std::string what = "exec in " + quote(request.id.name);
  const ContainerFacts facts = MOSB_TRY(observe(request.id).context(what));
  if (facts.state != RunState::kRunning) {
    return Error(Errc::kNotFound, what + ": the service does not run");
  }
  const UniqueFd spec = MOSB_TRY(seal_init_spec(request.process).context(what));
  const UniqueFd connection = MOSB_TRY(connect_to_init(request.id).context(what));
  return (request.tty ? exec_with_terminal(request, connection.get(), spec)
                      : exec_with_pipes(request, connection.get(), spec))
      .context(what);
}

}  // namespace mosb::lxc
