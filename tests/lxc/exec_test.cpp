#include <csignal>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

/// Lines of /proc/self/status and the cgroup that say how a process is confined.
const std::vector<std::string> kConfinement{
    "sh",
    "-c",
    "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups)' /proc/self/status; cat /proc/self/cgroup; "
    "cat /proc/self/uid_map; ls -l /proc/self/ns | grep -o '[a-z]*:.[0-9]*.'"};

/// Whether the process takes the signal in its own time, not by the default action.
bool holds_back(pid_t pid, int signal) {
  const auto status =
      read_kernel_file("/proc/" + std::to_string(pid) + "/status", ByteCount{64 * kKiB});
  const std::size_t at = status ? status->find("SigBlk:\t") : std::string::npos;
  return at != std::string::npos &&
         ((std::stoull(status->substr(at + 8), nullptr, 16) >> (signal - 1)) & 1) != 0;
}

/// Runs a command with nothing to read and nowhere to write from a process of its own, whose status
/// is the command's.
pid_t exec_beside(const Box& box, const std::vector<std::string>& argv) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ExecRequest request{.id = box.id(),
                        .process = box.spec.process,
                        .tty = false,
                        .stdin_fd = null,
                        .stdout_fd = null,
                        .stderr_fd = null};
    request.process.argv = argv;
    const auto status = exec(request);
    ::_exit(status ? *status : 125);
  }
  return pid;
}

}  // namespace

TEST_CASE("a command has the same confinement as the service", "[lxc]") {
  Box box;
  std::string script = kConfinement[2] + "; echo over; sleep 1000";
  box.script(script);
  box.start();
  box.wait_for_log("over\n");
  std::string of_service = box.log();
  of_service.resize(of_service.find("over\n"));
  CHECK(box.output_of(kConfinement) == of_service);
  CHECK(of_service.find("Seccomp_filters") != std::string::npos);
}

TEST_CASE("the status of a command is its exit code, or 128 and the signal", "[lxc]") {
  Box box;
  box.start();
  CHECK(box.run({"sh", "-c", "exit 7"}) == 7);
  CHECK(box.run({"true"}) == 0);
  CHECK(box.run({"sh", "-c", "kill -15 $$"}) == 143);
}

TEST_CASE("input, output and error output of a command are joined to the caller's", "[lxc]") {
  Box box;
  box.start();
  const std::string in = box.dir() + "/in";
  const std::string big(300000, 'z');
  std::ofstream(in) << big;
  const UniqueFd from(::open(in.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd out(::open((box.dir() + "/out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const UniqueFd err(::open((box.dir() + "/err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ExecRequest request{.id = box.id(),
                      .process = box.spec.process,
                      .tty = false,
                      .stdin_fd = from.get(),
                      .stdout_fd = out.get(),
                      .stderr_fd = err.get()};
  request.process.argv = {"sh", "-c", "cat; echo to error >&2"};
  const auto status = exec(request);
  REQUIRE(status);
  CHECK(*status == 0);
  CHECK(*read_file(box.dir() + "/out", ByteCount{kMiB}) == big);
  CHECK(*read_file(box.dir() + "/err", ByteCount{kMiB}) == "to error\n");
}

TEST_CASE("a command that writes before it reads gets all its input, and its caller the output",
          "[lxc]") {
  Box box;
  box.start();
  const std::string in = box.dir() + "/in";
  std::ofstream(in) << std::string(500000, 'z');
  const UniqueFd from(::open(in.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd out(::open((box.dir() + "/out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ExecRequest request{.id = box.id(),
                      .process = box.spec.process,
                      .tty = false,
                      .stdin_fd = from.get(),
                      .stdout_fd = out.get(),
                      .stderr_fd = out.get()};
  request.process.argv = {"sh", "-c", "head -c 400000 /dev/zero; wc -c; exit 3"};
  const auto status = exec(request);
  REQUIRE(status);
  CHECK(*status == 3);
  const std::string seen = *read_file(box.dir() + "/out", ByteCount{kMiB});
  CHECK(seen.size() == 400007);
  CHECK(seen.substr(400000) == "500000\n");
}

TEST_CASE("a caller whose reader is gone ends its command with SIGPIPE, on a terminal with SIGHUP",
          "[lxc]") {
  Box box;
  box.start();
  sys::Pipe output = *sys::pipe();
  output.read.reset();
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ExecRequest request{.id = box.id(),
                      .process = box.spec.process,
                      .tty = false,
                      .stdin_fd = null.get(),
                      .stdout_fd = output.write.get(),
                      .stderr_fd = null.get()};
  request.process.argv = {"yes"};
  CHECK(*exec(request) == 128 + SIGPIPE);
  request.tty = true;
  CHECK(*exec(request) == 128 + SIGHUP);
}

TEST_CASE("a child that a command leaves behind does not hold its caller up", "[lxc]") {
  Box box;
  box.start();
  const std::string path = box.dir() + "/out";
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ExecRequest request{.id = box.id(),
                      .process = box.spec.process,
                      .tty = false,
                      .stdin_fd = null.get(),
                      .stdout_fd = out.get(),
                      .stderr_fd = null.get()};
  request.process.argv = {"sh", "-c", "yes & exit 4"};
  CHECK(*exec(request) == 4);
  CHECK(read_file(path, ByteCount{64 * kMiB})->size() > 0);
  request.process.argv = {"sh", "-c", "sleep 1000 & echo said; exit 5"};
  REQUIRE(::ftruncate(out.get(), 0) == 0);
  REQUIRE(::lseek(out.get(), 0, SEEK_SET) == 0);
  CHECK(*exec(request) == 5);
  CHECK(*read_file(path, ByteCount{kMiB}) == "said\n");
}

TEST_CASE("a command runs as its own user in its own directory with its own environment", "[lxc]") {
  Box box;
  box.start();
  const std::string path = box.dir() + "/out";
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ExecRequest request{.id = box.id(),
                      .process = {},
                      .tty = false,
                      .stdin_fd = null.get(),
                      .stdout_fd = out.get(),
                      .stderr_fd = out.get()};
  request.process.argv = {"sh", "-c", "id; pwd; echo \"$X\""};
  request.process.env = {"PATH=/bin", "X=one\ntwo"};
  request.process.cwd = "/srv";
  request.process.uid = 33;
  request.process.gid = 34;
  REQUIRE(exec(request));
  CHECK(*read_file(path, ByteCount{kMiB}) == "uid=33 gid=34\n/srv\none\ntwo\n");
}

TEST_CASE("a command that does not exist is an error that names it", "[lxc]") {
  Box box;
  box.start();
  ExecRequest request{.id = box.id(), .process = box.spec.process};
  request.process.argv = {"no-such-program"};
  const auto status = exec(request);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kRuntime);
  CHECK(status.error().message().find("'no-such-program'") != std::string::npos);
  request.process.argv = {"true"};
  request.process.cwd = "/nowhere";
  CHECK(exec(request).error().message().find("'/nowhere'") != std::string::npos);
  CHECK(box.facts().state == RunState::kRunning);
}

TEST_CASE("a command in a container that does not run is refused", "[lxc]") {
  Box box;
  ExecRequest request{.id = box.id(), .process = box.spec.process};
  const auto status = exec(request);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kNotFound);
}

TEST_CASE("a command with a terminal gets one of the container's own", "[lxc]") {
  Box box;
  box.start();
  const winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, &size);
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ExecRequest request{.id = box.id(), .process = box.spec.process, .tty = true};
    request.process.argv = {"sh", "-c", "tty; stty size; read line; echo \"got $line\"; exit 9"};
    const auto status = exec(request);
    ::_exit(status ? *status : 125);
  }
  std::string seen;
  (void)!::write(master, "hello\n", 6);
  char buffer[256];
  ssize_t n = 0;
  while ((n = ::read(master, buffer, sizeof buffer)) > 0) {
    seen.append(buffer, static_cast<std::size_t>(n));
  }
  int wait_status = 0;
  REQUIRE(::waitpid(pid, &wait_status, 0) == pid);
  ::close(master);
  INFO(seen);
  CHECK(WEXITSTATUS(wait_status) == 9);
  CHECK(seen.find("/dev/pts/0") != std::string::npos);
  CHECK(seen.find("33 77") != std::string::npos);
  CHECK(seen.find("got hello") != std::string::npos);
}

TEST_CASE("a signal to the caller goes to the command", "[lxc]") {
  Box box;
  box.start();
  const pid_t pid = exec_beside(
      box,
      {"sh", "-c", "trap 'exit 11' TERM; touch /dev/shm/ready; while true; do sleep 0.05; done"});
  CHECK(eventually([&] { return box.run({"stat", "/dev/shm/ready"}) == 0; }));
  CHECK(eventually([&] { return holds_back(pid, SIGTERM); }));
  ::kill(pid, SIGTERM);
  int wait_status = 0;
  REQUIRE(::waitpid(pid, &wait_status, 0) == pid);
  CHECK(WEXITSTATUS(wait_status) == 11);
}

TEST_CASE("a caller that disappears takes its command along", "[lxc]") {
  Box box;
  box.start();
  const pid_t pid = exec_beside(box, {"sleep", "4242"});
  const auto runs = [&] { return box.output_of({"ps"}).find("sleep 4242") != std::string::npos; };
  CHECK(eventually(runs));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  CHECK(eventually([&] { return !runs(); }));
}
