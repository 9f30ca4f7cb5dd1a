#include "tests/lxc/box.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "lxc/config_items.h"
#include "lxc/run_record.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"

namespace mosb::lxc {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kBase = 536870912;
constexpr std::uint32_t kCount = 65536;
constexpr ByteCount kMaxRead{64 * kMiB};

TempDir make_temp_dir() {
  const char* parent = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): no threads here
  auto dir = TempDir::make(parent == nullptr ? "/tmp" : parent, "mosb-lxc-test-");
  REQUIRE(dir);
  return *std::move(dir);
}

void make_root(const std::string& root) {
  for (const char* dir : {"bin", "dev", "etc", "proc", "run", "sys", "tmp", "srv"}) {
    fs::create_directories(root + "/" + dir);
  }
  fs::copy_file("/bin/busybox", root + "/bin/busybox");
  fs::copy_file(MOSB_PROBE, root + "/bin/probe");
  for (const char* name :
       {"cat",  "chmod", "dd",    "echo",  "false", "grep", "head",  "hostname", "id",
        "ip",   "kill",  "ls",    "mkdir", "ps",    "pwd",  "sh",    "sleep",    "stat",
        "stty", "tail",  "touch", "tr",    "true",  "tty",  "umask", "wc",       "yes"}) {
    fs::create_symlink("busybox", root + "/bin/" + name);
  }
  fs::permissions(root + "/tmp", fs::perms::all | fs::perms::sticky_bit);
}

}  // namespace

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

Box::Box() : dir_(make_temp_dir()) {
  make_root(dir() + "/root");
  spec.name = "box";
  spec.instance = new_run_id().substr(0, 8);
  spec.hostname = "box";
  spec.rootfs = dir() + "/root";
  spec.idmap = IdRange{kBase, kCount};
  spec.process.env = {"PATH=/bin"};
  spec.run_dir = dir() + "/run";
  spec.state_dir = dir() + "/state";
  spec.log_path = dir() + "/log/box.log";
  environment.libexec_dir = MOSB_BIN_DIR;
  script("sleep 1000");
}

// FAIL_CHECK() goes on after a failure.
Box::~Box() {  // NOLINT(bugprone-exception-escape)
  const Status stopped = lxc::stop(id(), 9, std::chrono::seconds(5));
  if (!stopped) {
    FAIL_CHECK(stopped.error().message());
  }
  for (const std::string& left : leftovers(id())) {
    FAIL_CHECK("left over: " + left);
  }
}

void Box::script(const std::string& text) {
  spec.process.argv = {"sh", "-c", text};
}

void Box::start() {
  const Status started = lxc::start(spec, environment);
  INFO((started ? "" : started.error().message()));
  REQUIRE(started);
}

ContainerFacts Box::facts() const {
  const auto facts = observe(id());
  INFO((facts ? "" : facts.error().message()));
  REQUIRE(facts);
  return *facts;
}

std::string Box::output_of(const std::vector<std::string>& argv) {
  const std::string path = dir() + "/exec-output";
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ExecRequest request{.id = id(),
                      .process = spec.process,
                      .tty = false,
                      .stdin_fd = null.get(),
                      .stdout_fd = out.get(),
                      .stderr_fd = out.get()};
  request.process.argv = argv;
  const auto status = exec(request);
  INFO((status ? "" : status.error().message()));
  REQUIRE(status);
  return *read_file(path, kMaxRead);
}

int Box::run(const std::vector<std::string>& argv) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ExecRequest request{.id = id(),
                      .process = spec.process,
                      .tty = false,
                      .stdin_fd = null.get(),
                      .stdout_fd = null.get(),
                      .stderr_fd = null.get()};
  request.process.argv = argv;
  const auto status = exec(request);
  INFO((status ? "" : status.error().message()));
  REQUIRE(status);
  return *status;
}

std::string Box::log() const {
  const auto text = read_file(spec.log_path, kMaxRead);
  return text ? *text : "";
}

void Box::wait_for_log(const std::string& text) const {
  const bool found = eventually([&] { return log().find(text) != std::string::npos; });
  INFO("log: " + log());
  REQUIRE(found);
}

ContainerFacts::Exit Box::wait_for_end() const {
  const bool ended = eventually([&] {
    const auto held = run_lock_is_held(spec.run_dir);
    return held && !*held;
  });
  REQUIRE(ended);
  const ContainerFacts now = facts();
  REQUIRE(now.state == RunState::kExited);
  REQUIRE(now.last_exit);
  return *now.last_exit;
}

std::string Box::make_volume(const std::string& name) const {
  const std::string path = dir() + "/" + name;
  fs::create_directories(path);
  REQUIRE(::chown(path.c_str(), kBase, kBase) == 0);
  return path;
}

pid_t Box::helper_pid() const {
  const auto record = read_run_record(spec.run_dir);
  REQUIRE((record && *record));
  return (*record)->helper_pid;
}

pid_t Box::monitor_pid() const {
  const pid_t helper = helper_pid();
  const std::string path =
      "/proc/" + std::to_string(helper) + "/task/" + std::to_string(helper) + "/children";
  const auto text = read_kernel_file(path, kMaxRead);
  REQUIRE(text);
  return static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10));
}

std::vector<std::string> leftovers(const ContainerId& id) {
  std::vector<std::string> found;
  const auto instance = Cgroup::at("mosb-" + id.instance);
  if (instance->exists()) {
    found.push_back("cgroup " + instance->name());
  }
  const auto processes = instance->processes();
  REQUIRE(processes);
  for (const pid_t pid : *processes) {
    found.push_back("process " + std::to_string(pid));
  }
  for (const char* file : {"/exec.sock", "/run.json"}) {
    if (path_exists(id.run_dir + file)) {
      found.push_back("file " + id.run_dir + file);
    }
  }
  const auto mounts = read_kernel_file("/proc/self/mountinfo", kMaxRead);
  if (mounts->find(id.run_dir) != std::string::npos) {
    found.push_back("mount below " + id.run_dir);
  }
  const auto sockets = read_kernel_file("/proc/net/unix", kMaxRead);
  if (sockets->find("@/lxc/" + id.name + "/") != std::string::npos) {
    found.emplace_back("abstract socket of liblxc");
  }
  return found;
}

}  // namespace mosb::lxc
