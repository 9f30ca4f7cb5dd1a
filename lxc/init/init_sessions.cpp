#include "lxc/init/init_sessions.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lxc/init/init_messages.h"

namespace mosb::lxc {

namespace {

void close_fd(int* fd) {
  if (*fd >= 0) {
    ::close(*fd);
    *fd = -1;
  }
}

void close_fds(int* fds, int count) {
  for (int i = 0; i < count; ++i) {
    close_fd(&fds[i]);
  }
}

/// A new pseudo-terminal of the container: master in *master, the other side as value.
int open_terminal(int* master, uid_t owner, std::int32_t size) {
  *master = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  const int unlock = 0;
  if (*master < 0 || ::ioctl(*master, TIOCSPTLCK, &unlock) < 0) {
    return -1;
  }
  winsize window{};
  window.ws_row = static_cast<unsigned short>(static_cast<std::uint32_t>(size) >> 16U);
  window.ws_col = static_cast<unsigned short>(static_cast<std::uint32_t>(size) & 0xffffU);
  (void)::ioctl(*master, TIOCSWINSZ, &window);
  // By descriptor, not by the name below /dev/pts, which the service may have made its own.
  const int peer = ::ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer >= 0) {
    (void)!::fchown(peer, owner, static_cast<gid_t>(-1));
  }
  return peer;
}

}  // namespace

InitMessage exited_message(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return {InitMessageType::kExited, 128 + signal, signal};
  }
  return {InitMessageType::kExited, WEXITSTATUS(wait_status), 0};
}

void InitSessions::accept_from(int listen_fd) {
  const int connection = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) {
    return;
  }
  for (Session& session : sessions_) {
    if (session.connection < 0 && session.pid < 0) {
      session = Session{};
      session.connection = connection;
      return;
    }
  }
  send_message(connection,
               {InitMessageType::kFailed, static_cast<std::int32_t>(InitStage::kBusy), EAGAIN});
  ::close(connection);
}

int InitSessions::poll_fds(pollfd* fds) const {
  int count = 0;
  for (const Session& session : sessions_) {
    fds[count++] = {session.connection, POLLIN, 0};
    fds[count++] = {session.report_fd, POLLIN, 0};
  }
  return count;
}

void InitSessions::handle(const pollfd* fds, int count) {
  for (int i = 0; i + 1 < count; i += 2) {
    Session& session = sessions_[i / 2];
    if (fds[i + 1].revents != 0 && session.report_fd == fds[i + 1].fd) {
      from_report(session);
    }
    if (fds[i].revents != 0 && session.connection == fds[i].fd && session.connection >= 0) {
      from_client(session);
    }
  }
}

bool InitSessions::reaped(pid_t pid, int wait_status) {
  for (Session& session : sessions_) {
    if (session.pid == pid) {
      session.ended = true;
      session.wait_status = wait_status;
      if (session.report_fd < 0) {
        finish(session);
      }
      return true;
    }
  }
  return false;
}

void InitSessions::start(Session& session, const ReceivedMessage& request) {
  const bool terminal = request.message.value == 1;
  InitProcess process;
  if (request.fd_count != (terminal ? 1 : 4) || !load_spec(request.fds[0], &process)) {
    fail(session, InitStage::kSpec, EINVAL);
    return;
  }
  int stdio[3] = {-1, -1, -1};
  int peer = -1;
  if (terminal) {
    peer = open_terminal(&session.terminal_fd, process.uid, request.message.detail);
    if (peer < 0) {
      const int err = errno;
      unload_spec(&process);
      fail(session, InitStage::kTerminal, err);
      return;
    }
  }
  for (int i = 0; i < 3; ++i) {
    stdio[i] = terminal ? peer : request.fds[i + 1];
  }
  const InitLaunch launched = launch(process, stdio, terminal);
  unload_spec(&process);
  close_fd(&peer);
  if (launched.pid < 0) {
    fail(session, launched.stage, launched.err);
    return;
  }
  session.pid = launched.pid;
  session.report_fd = launched.report_fd;
}

void InitSessions::from_client(Session& session) {
  ReceivedMessage received;
  if (!receive_message(session.connection, &received)) {
    // The client is gone: its command hears what a hung-up terminal would say.
    if (session.pid > 0 && !session.ended) {
      ::kill(-session.pid, SIGHUP);
    }
    close_fd(&session.connection);
    close_fd(&session.terminal_fd);
    return;
  }
  const InitMessage& message = received.message;
  if (message.type == InitMessageType::kExec && session.pid < 0) {
    start(session, received);
  } else if (message.type == InitMessageType::kSignal && session.pid > 0 && !session.ended &&
             message.value > 0 && message.value < NSIG) {
    ::kill(session.pid, message.value);
  }
  close_fds(received.fds, received.fd_count);
}

void InitSessions::from_report(Session& session) {
  InitStage stage = InitStage::kExec;
  int err = 0;
  const bool started = read_report(session.report_fd, &stage, &err);
  close_fd(&session.report_fd);
  if (!started) {
    fail(session, stage, err);
    return;
  }
  send_message(session.connection,
               {InitMessageType::kStarted, 0, 0},
               &session.terminal_fd,
               session.terminal_fd >= 0 ? 1 : 0);
  close_fd(&session.terminal_fd);
  if (session.ended) {
    finish(session);
  }
}

void InitSessions::fail(Session& session, InitStage stage, int err) {
  send_message(session.connection,
               {InitMessageType::kFailed, static_cast<std::int32_t>(stage), err});
  close_session(session);
}

void InitSessions::finish(Session& session) {
  send_message(session.connection, exited_message(session.wait_status));
  close_session(session);
}

void InitSessions::close_session(Session& session) {
  close_fd(&session.connection);
  close_fd(&session.report_fd);
  close_fd(&session.terminal_fd);
  session = Session{};
}

}  // namespace mosb::lxc
