#include "tests/support/test_process.h"

#include <csignal>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"

namespace mosb::test {

namespace {

constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace

Result<TestProcess> TestProcess::start(const std::vector<std::string>& argv,
                                       const std::string& out_file,
                                       const std::string& err_file) {
  sys::Pipe input = MOSB_TRY(sys::pipe());
  const UniqueFd out = MOSB_TRY(sys::open(out_file, O_WRONLY | O_CREAT | O_APPEND, 0600));
  const UniqueFd err = MOSB_TRY(sys::open(err_file, O_WRONLY | O_CREAT | O_APPEND, 0600));
  Spawn what;
  what.argv = {"/usr/bin/setpriv", "--pdeathsig", "KILL"};
  what.argv.insert(what.argv.end(), argv.begin(), argv.end());
  what.env = {std::string("PATH=") + kPath, "LC_ALL=C"};
  what.fds = {input.read.get(), out.get(), err.get()};
  Child child = MOSB_TRY(spawn(what));
  return TestProcess(std::move(child), std::move(input.write));
}

TestProcess::~TestProcess() {
  if (child_.pidfd.is_open()) {
    (void)sys::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
    (void)wait_for(child_, std::chrono::seconds(10));
  }
}

Result<std::string> wait_for_text(const std::string& file,
                                  const std::string& marker,
                                  std::chrono::seconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    const std::string text = MOSB_TRY(read_file(file, ByteCount{16 * kMiB}));
    const std::size_t at = text.find(marker);
    const std::size_t line_end = at == std::string::npos ? at : text.find('\n', at);
    if (line_end != std::string::npos) {
      return text.substr(at + marker.size(), line_end - at - marker.size());
    }
    if (std::chrono::steady_clock::now() > end) {
      return Error(Errc::kRuntime, "no '" + marker + "' in '" + file + "': " + text);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string find_installed(const std::string& program) {
  std::string path;
  for (const char c : std::string(kPath) + ":") {
    if (c != ':') {
      path += c;
      continue;
    }
    path += "/" + program;
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
    path.clear();
  }
  return "";
}

}  // namespace mosb::test
