#include "verity/layer_server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>
#include <span>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/cgroup.h"
#include "mosb/base/deadline.h"
#include "mosb/base/pipe_text.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/server_state.h"

namespace mosb::verity {

namespace {

constexpr std::chrono::seconds kReadyTimeout{10};
constexpr ByteCount kMaxReport{1024};

/// Children that were released and may end at any time. Only the process that started a child can
/// reap it, so this belongs to the process and to nobody else.
struct ReleasedServers {
  std::mutex mutex;
  std::vector<UniqueFd> pidfds;
};

ReleasedServers& released_servers() {
  static ReleasedServers servers;
  return servers;
}

/// What the server says until it closes the pipe; "" if it ended without a word.
Result<std::string> read_report(int pipe) {
  PipeText report = MOSB_TRY(read_pipe(pipe, kMaxReport, Deadline::in(kReadyTimeout)));
  switch (report.end) {
    case PipeText::End::kTimeout:
      return Error(Errc::kHost, "the layer server was not ready within 10 s");
    case PipeText::End::kTooMuch:
      return Error(Errc::kHost, "the layer server said too much");
    case PipeText::End::kClosed:
      break;
  }
  return std::move(report.text);
}

Status judge_report(const std::string& text) {
  constexpr std::string_view kError = "error ";
  if (text == "ready\n") {
    return ok();
  }
  if (text.starts_with(kError)) {
    const std::size_t end = text.find('\n');
    return Error(Errc::kVerity, escape(text.substr(kError.size(), end - kError.size())));
  }
  return Error(
      Errc::kHost,
      "the layer server ended before it was ready" + (text.empty() ? "" : ": " + quote(text)));
}

/// A host without cgroups, or whose cgroups are not ours to make, as in a user namespace or another
/// tool's container, cannot run services but can mount.
bool has_no_cgroups(const Error& error) {
  const int err = error.sys_errno();
  return error.code() == Errc::kHost || err == EACCES || err == EPERM || err == EROFS;
}

Result<std::optional<CgroupEntrance>> make_cgroup(const std::string& name) {
  const auto cgroup = Cgroup::create(name);
  if (!cgroup) {
    return has_no_cgroups(cgroup.error()) ? Result<std::optional<CgroupEntrance>>(std::nullopt)
                                          : cgroup.error();
  }
  return std::optional(MOSB_TRY(cgroup->entrance()));
}

}  // namespace

Result<LayerServer> LayerServer::start(const ServerSetup& setup) {
  sys::Pipe report = MOSB_TRY(sys::pipe());
  const std::optional<CgroupEntrance> cgroup = MOSB_TRY(make_cgroup(setup.cgroup));
  Spawn what{.argv = setup.argv, .cgroup = cgroup ? &*cgroup : nullptr};
  {
    // The child inherits the lock with the descriptor; ours must close for the child's to count.
    const UniqueFd status = MOSB_TRY(create_status_file(setup.status_path));
    what.fds = {-1, -1, -1, setup.fuse, setup.blob, status.get(), report.write.get()};
    auto child = spawn(what);
    if (!child) {
      return std::move(child).error().as(Errc::kHost).with_hint("is mosb completely installed?");
    }
    report.write.reset();
    LayerServer server(*std::move(child));
    MOSB_CHECK(judge_report(MOSB_TRY(read_report(report.read.get()))));
    return server;
  }
}

LayerServer::~LayerServer() {
  if (child_.pidfd.is_open()) {
    (void)sys::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
    (void)wait_for(child_, std::chrono::seconds(5));
  }
}

void LayerServer::release() {
  ReleasedServers& released = released_servers();
  const std::lock_guard lock(released.mutex);
  released.pidfds.push_back(std::move(child_.pidfd));
}

void reap_ended_servers() {
  ReleasedServers& released = released_servers();
  const std::lock_guard lock(released.mutex);
  std::erase_if(released.pidfds, [](const UniqueFd& pidfd) {
    siginfo_t info{};
    const int result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG);
    const bool still_runs = result == 0 && info.si_pid == 0;
    return !still_runs;
  });
}

}  // namespace mosb::verity
