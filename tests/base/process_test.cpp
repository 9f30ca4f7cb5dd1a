#include "mosb/base/process.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/sys.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kEnvironment{"PATH=/usr/bin:/bin"};

Result<Completed> run(Command command) {
  RealProcessRunner runner;
  command.env = kEnvironment;
  return runner.run(command);
}

Result<Completed> shell(const std::string& script) {
  return run({.argv = {"sh", "-c", script}});
}

}  // namespace

TEST_CASE("a program's two outputs and its status arrive apart", "[base]") {
  const auto done = shell("echo out; echo err >&2; exit 7");
  REQUIRE(done);
  CHECK(done->status == 7);
  CHECK(done->out == "out\n");
  CHECK(done->err == "err\n");
}

TEST_CASE("arguments, environment and input arrive byte for byte", "[base]") {
  const auto argv = run({.argv = {"printf", "%s|", "a b", "", "\"c\"\n", "$x"}});
  REQUIRE(argv);
  CHECK(argv->out == "a b||\"c\"\n|$x|");
  RealProcessRunner runner;
  const auto env = runner.run({.argv = {"/usr/bin/env"}, .env = {"A=1\n2", "B="}});
  REQUIRE(env);
  CHECK(env->out == "A=1\n2\nB=\n");
  const std::string large(3'000'000, 'x');
  const auto input = run({.argv = {"cat"}, .input = large, .output_limit = ByteCount{4 * kMiB}});
  REQUIRE(input);
  CHECK(input->out == large);
}

TEST_CASE("a program that does not read its input does not harm us", "[base]") {
  const auto done = run({.argv = {"true"}, .input = std::string(3'000'000, 'x')});
  REQUIRE(done);
  CHECK(done->status == 0);
}

TEST_CASE("an open file can be a program's input", "[base]") {
  const auto file = sys::memfd("test");
  REQUIRE(file);
  const std::string text = "from a file";
  REQUIRE(sys::pwrite_all(file->get(), std::as_bytes(std::span(text)), 0));
  const auto done = run({.argv = {"cat"}, .input_fd = file->get()});
  REQUIRE(done);
  CHECK(done->out == text);
}

TEST_CASE("a program that is not there, or cannot run, is an error of its own", "[base]") {
  const auto none = run({.argv = {"mosb-no-such-program"}});
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kNotFound);
  const auto not_one = run({.argv = {"/etc/passwd"}});
  REQUIRE_FALSE(not_one);
  CHECK(not_one.error().code() == Errc::kRuntime);
  CHECK_THAT(not_one.error().message(), Contains("/etc/passwd"));
}

TEST_CASE("death by a signal is 128 and its number", "[base]") {
  CHECK(shell("kill -9 $$")->status == 128 + SIGKILL);
}

TEST_CASE("a program that does not end in time is killed with its children", "[base]") {
  const auto late = run({.argv = {"sh", "-c", "sleep 600 & echo $!; wait"}, .timeout = 300ms});
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::kRuntime);
  CHECK_THAT(late.error().message(), Contains("did not end in time"));
  const auto closed = run({.argv = {"sh", "-c", "exec >&- 2>&-; sleep 600"}, .timeout = 300ms});
  REQUIRE_FALSE(closed);
  CHECK_THAT(closed.error().message(), Contains("did not end in time"));
}

TEST_CASE("a program that prints too much is stopped", "[base]") {
  const auto done = run({.argv = {"yes"}, .output_limit = ByteCount{10'000}});
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().message(), Contains("printed too much"));
}

TEST_CASE("a program gets none of our descriptors, signal masks or handlers", "[base]") {
  // Deliberately without O_CLOEXEC.
  const int leaked = ::open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open): see above
  REQUIRE(leaked >= 0);
  const auto fds = shell("ls /proc/self/fd | wc -l");
  ::close(leaked);
  REQUIRE(fds);
  // Standard input, output and error, and the listing's own.
  CHECK(fds->out == "4\n");
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  sigset_t old;
  ::sigprocmask(SIG_BLOCK, &blocked, &old);
  const auto status = run({.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}});
  ::sigprocmask(SIG_SETMASK, &old, nullptr);
  REQUIRE(status);
  CHECK(status->out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("a spawned child gets exactly the descriptors named, in order", "[base]") {
  auto pipe = sys::pipe();
  REQUIRE(pipe);
  const auto child =
      spawn({.argv = {"/bin/sh", "-c", "echo hello >&3"}, .fds = {-1, -1, -1, pipe->write.get()}});
  REQUIRE(child);
  pipe->write.reset();
  std::string text(100, '\0');
  const auto n = sys::read(pipe->read.get(), std::as_writable_bytes(std::span(text)));
  REQUIRE(n);
  CHECK(text.substr(0, *n) == "hello\n");
  const auto status = wait_for(*child, 10s);
  REQUIRE(status);
  CHECK(*status == std::optional<int>(0));
}

TEST_CASE("a child that becomes a user is nothing else, and begins in its directory", "[base]") {
  if (::geteuid() != 0) {
    return;  // nobody else may become another
  }
  auto pipe = sys::pipe();
  REQUIRE(pipe);
  const auto dir = sys::open("/proc", O_RDONLY | O_DIRECTORY);
  REQUIRE(dir);
  const auto child = spawn(
      {.argv = {"/bin/grep", "-E", "^(Uid|Gid|Groups|CapPrm|CapEff|NoNewPrivs)", "self/status"},
       .fds = {-1, pipe->write.get()},
       .directory = dir->get(),
       .user = 61184,
       .no_new_privileges = true});
  REQUIRE(child);
  pipe->write.reset();
  std::string text(1000, '\0');
  const auto n = sys::read(pipe->read.get(), std::as_writable_bytes(std::span(text)));
  REQUIRE(n);
  CHECK(text.substr(0, *n) ==
        "Uid:\t61184\t61184\t61184\t61184\nGid:\t61184\t61184\t61184\t61184\nGroups:\t \n"
        "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
  REQUIRE(wait_for(*child, 10s));
}

TEST_CASE("waiting for a child ends with the child or with the time", "[base]") {
  const auto child = spawn({.argv = {"/bin/sleep", "600"}, .fds = {-1, -1, -1}});
  REQUIRE(child);
  CHECK(*wait_for(*child, 50ms) == std::nullopt);
  REQUIRE(sys::pidfd_send_signal(child->pidfd.get(), SIGKILL));
  CHECK(*wait_for(*child, 10s) == std::optional<int>(SIGKILL));
  CHECK(sys::pidfd_send_signal(child->pidfd.get(), SIGKILL));
  CHECK_FALSE(spawn({.argv = {"/nonexistent"}, .fds = {-1, -1, -1}}));
}
