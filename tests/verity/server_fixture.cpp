#include "tests/verity/server_fixture.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "tests/verity/data_fixture.h"
#include "verity/block.h"

namespace mosb::verity::test {

namespace {

TempDir temp_dir() {
  auto dir = TempDir::make(scratch_parent(), "mosb-server-");
  REQUIRE(dir);
  return *std::move(dir);
}

template <class T>
T require(Result<T> result) {
  if (!result) {
    FAIL(result.error().message());
  }
  return *std::move(result);
}

std::string read_report(int fd) {
  std::string text;
  std::array<char, 1024> buffer{};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, 100) <= 0) {
      continue;
    }
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace

RunningServer::RunningServer(const Start& start)
    : dir_(temp_dir()), target_(dir_.path() + "/target") {
  const bool is_file = start.kind == Kind::kLayer;
  if (is_file) {
    write_all(target_, "");
  } else {
    REQUIRE(sys::mkdir(target_, 0700));
  }
  const UniqueFd fuse = require(sys::open("/dev/fuse", O_RDWR));
  const std::string options = "fd=" + std::to_string(fuse.get()) +
                              ",rootmode=" + (is_file ? "100000" : "40000") +
                              ",user_id=0,group_id=0,allow_other,default_permissions";
  REQUIRE(::mount("mosb-test",
                  target_.c_str(),
                  "fuse",
                  MS_RDONLY | MS_NOSUID | MS_NODEV,
                  options.c_str()) == 0);
  mounted_ = true;
  const UniqueFd blob = require(sys::open(start.blob, O_RDONLY));
  const UniqueFd status =
      require(sys::open(status_file(), O_WRONLY | O_CREAT | O_APPEND, S_IRUSR | S_IWUSR));
  sys::Pipe pipe = require(sys::pipe());
  std::vector<std::string> argv{
      std::string(MOSB_BIN_DIR) + (is_file ? "/mosb-layer-server" : "/mosb-squashfs-server"),
      start.root_hash.hex(),
      std::to_string(start.size)};
  argv.insert(argv.end(), start.ids.begin(), start.ids.end());
  if (!is_file) {
    constexpr std::ptrdiff_t kBehindIds = 6;
    argv.insert(argv.begin() + std::min(kBehindIds, std::ssize(argv)), "trusted");
  }
  child_ =
      require(spawn({.argv = argv,
                     .env = {},
                     .fds = {-1, -1, 2, fuse.get(), blob.get(), status.get(), pipe.write.get()}}));
  pipe.write.reset();
  killer_ = std::jthread([this, time = start.time](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, stop, time, [&] { return stop.stop_requested(); })) {
      (void)sys::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
    }
  });
  report_ = read_report(pipe.read.get());
}

RunningServer::~RunningServer() {
  kill();
  (void)wait(std::chrono::seconds(10));
  unmount();
}

std::string RunningServer::fact(const std::string& name) const {
  std::ifstream file("/proc/" + std::to_string(pid()) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) {
      const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return "no such fact";
}

void RunningServer::unmount() {
  if (mounted_) {
    (void)::umount2(target_.c_str(), MNT_DETACH);
    mounted_ = false;
  }
}

void RunningServer::kill() {
  (void)sys::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
}

void RunningServer::stop() {
  REQUIRE(sys::pidfd_send_signal(child_.pidfd.get(), SIGSTOP));
  siginfo_t info{};
  const auto id = static_cast<id_t>(child_.pid);
  REQUIRE(::waitid(P_PID, id, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
  REQUIRE(info.si_code == CLD_STOPPED);
}

std::optional<int> RunningServer::wait(std::chrono::seconds time) {
  if (reaped_) {
    return std::nullopt;
  }
  auto status = wait_for(child_, std::chrono::milliseconds(time));
  reaped_ = status && *status;
  return status ? *status : std::nullopt;
}

LoopSquashfs::LoopSquashfs(const std::string& file)
    : dir_(temp_dir()), path_(dir_.path() + "/mount") {
  REQUIRE(sys::mkdir(path_, 0700));
  device_ = run({"losetup", "--find", "--show", "--read-only", "--direct-io=on", file});
  device_.pop_back();
  const int result = ::mount(
      device_.c_str(), path_.c_str(), "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr);
  const int err = errno;
  // From now on the device goes away with the mount.
  (void)status_of({"losetup", "--detach", device_});
  INFO("errno " << err);
  REQUIRE(result == 0);
}

LoopSquashfs::~LoopSquashfs() {
  (void)::umount2(path_.c_str(), MNT_DETACH);
}

ReadOutcome read_range(const std::string& path,
                       std::uint64_t offset,
                       std::size_t size,
                       bool direct) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (direct ? O_DIRECT : 0));
  if (fd < 0) {
    return {.bytes = "", .error = errno};
  }
  const UniqueFd owned(fd);
  void* buffer = std::aligned_alloc(kBlockSize, (size + kBlockSize - 1) / kBlockSize * kBlockSize);
  const std::unique_ptr<void, decltype(&std::free)> freed(buffer, &std::free);
  const ssize_t n = ::pread(fd, buffer, size, static_cast<off_t>(offset));
  if (n < 0) {
    return {.bytes = "", .error = errno};
  }
  return {.bytes = std::string(static_cast<const char*>(buffer), static_cast<std::size_t>(n)),
          .error = 0};
}

ReadOutcome read_whole(const std::string& path) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  ReadOutcome all;
  for (;;) {
    const ReadOutcome part = read_range(path, all.bytes.size(), kStep);
    if (part.error != 0 || part.bytes.empty()) {
      all.error = part.error;
      return all;
    }
    all.bytes += part.bytes;
  }
}

bool can_mount(const std::string& test) {
  if (::geteuid() != 0 || ::access("/dev/fuse", R_OK | W_OK) != 0) {
    std::printf("SKIP %s: needs root and /dev/fuse\n", test.c_str());
    return false;
  }
  return have("mksquashfs", test) && have("losetup", test);
}

void drop_caches() {
  ::sync();
  std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
}

}  // namespace mosb::verity::test
