#include "verity/server_sandbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/verity/data_fixture.h"

namespace mosb::verity {

namespace {

constexpr int kBlob = 4;
constexpr int kCallWorked = 10;
constexpr int kNoFilter = 11;

/// What becomes of a process that makes a system call behind the filter: its raw wait status.
int behind_filter(const std::function<void()>& call) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int blob = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ::dup3(blob, kBlob, O_CLOEXEC);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::alarm(20);
    if (!restrict_system_calls(kBlob)) {
      ::_exit(kNoFilter);
    }
    call();
    ::_exit(kCallWorked);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return status;
}

bool kills(const std::function<void()>& call) {
  const int status = behind_filter(call);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

bool allows(const std::function<void()>& call) {
  const int status = behind_filter(call);
  return WIFEXITED(status) && WEXITSTATUS(status) == kCallWorked;
}

}  // namespace

TEST_CASE("behind the filter a process can read, write and have memory", "[verity]") {
  std::array<char, 16> bytes{};
  CHECK(allows([] {}));
  CHECK(allows([&] {
    if (::pread(kBlob, bytes.data(), bytes.size(), 0) != 16) {
      ::_exit(1);
    }
  }));
  CHECK(allows([] { (void)!::write(-1, "", 0); }));
  CHECK(allows([&] { (void)!::read(-1, bytes.data(), 1); }));
  CHECK(allows([] {
    void* memory =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || ::munmap(memory, 4096) != 0) {
      ::_exit(1);
    }
  }));
}

TEST_CASE("behind the filter everything else is the end", "[verity]") {
  CHECK(kills([] { (void)!::open("/etc/passwd", O_RDONLY | O_CLOEXEC); }));
  CHECK(kills([] { (void)!::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }));
  CHECK(kills([] { (void)!::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }));
  CHECK(kills([] { ::execl("/bin/true", "true", nullptr); }));
  CHECK(kills([] { (void)!::fork(); }));
  CHECK(kills([] { (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }));
  CHECK(kills([] { (void)::kill(1, 0); }));
  CHECK(kills([] {
    struct stat st {};
    (void)::stat("/", &st);
  }));
  CHECK(kills([] { (void)::fcntl(kBlob, F_GETFL); }));
  CHECK(kills([] { (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }));
  CHECK(kills([] { (void)!::setuid(0); }));
  // Of another descriptor, a mapping of a file, executable memory.
  CHECK(kills([] {
    char byte = 0;
    (void)!::pread(kBlob + 1, &byte, 1, 0);
  }));
  CHECK(kills([] { (void)::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, kBlob, 0); }));
  CHECK(kills([] {
    (void)::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }));
  CHECK(kills([] { (void)::mprotect(nullptr, 4096, PROT_EXEC); }));
}

TEST_CASE("dropping privileges leaves no way back", "[verity]") {
  if (::geteuid() != 0) {
    std::printf("SKIP dropping privileges leaves no way back: needs root\n");
    return;
  }
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const Status dropped =
        drop_privileges({.address_space = ByteCount{std::uint64_t{1} << 40}, .highest_fd = 10});
    const bool powerless =
        dropped && ::getuid() == kServerId && ::setuid(0) != 0 && ::setgid(0) != 0 &&
        ::getgroups(0, nullptr) == 0 && ::prctl(PR_GET_DUMPABLE) == 0 &&
        ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && ::fcntl(11, F_GETFD) == -1;
    ::_exit(powerless ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}

}  // namespace mosb::verity
