#include "verity/layer_scanner.h"

#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/deadline.h"
#include "mosb/base/pipe_text.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"

namespace mosb::verity {

namespace {

/// How long the end of a process may take that was killed, or has said all.
constexpr std::chrono::seconds kEndPatience{5};

/// Ended with the handle.
class ScannerProcess {
 public:
  explicit ScannerProcess(Child child) : child_(std::move(child)) {}
  ScannerProcess(const ScannerProcess&) = delete;
  ScannerProcess& operator=(const ScannerProcess&) = delete;
  ScannerProcess(ScannerProcess&&) = delete;
  ScannerProcess& operator=(ScannerProcess&&) = delete;
  ~ScannerProcess() {
    if (!ended_) {
      (void)sys::pidfd_send_signal(child_.pidfd.get(), SIGKILL);
      (void)wait_for(child_, kEndPatience);
    }
  }
  /// The raw wait status; nullopt if it does not end.
  Result<std::optional<int>> end() {
    auto status = wait_for(child_, kEndPatience);
    ended_ = status && *status;
    return status;
  }

 private:
  Child child_;
  bool ended_ = false;
};

Error died(const std::string& how) {
  return Error(Errc::kVerity, "the scanner " + how);
}

/// What the scanner says until it closes the pipe.
Result<std::string> read_answer(int pipe, const Deadline& deadline) {
  PipeText answer = MOSB_TRY(read_pipe(pipe, ByteCount{kMaxScanAnswer}, deadline));
  switch (answer.end) {
    case PipeText::End::kTimeout:
      return died("had not come to an end in time and was killed");
    case PipeText::End::kTooMuch:
      return died("said too much");
    case PipeText::End::kClosed:
      break;
  }
  return std::move(answer.text);
}

Status check_end(const std::optional<int>& status) {
  if (!status) {
    return died("did not end");
  }
  if (WIFSIGNALED(*status)) {
    return died("was ended by signal " + std::to_string(WTERMSIG(*status)) +
                ": the layer takes more time or memory than any should, or broke it");
  }
  return WEXITSTATUS(*status) == 0 ? ok() : Status(died("failed"));
}

/// The scanner's whole answer.
Result<std::string> ask(const LayerSource& layer,
                        std::span<const std::uint64_t> blocks,
                        const Scanner& scanner) {
  const UniqueFd blob = MOSB_TRY(sys::open(layer.blob_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  sys::Pipe pipe = MOSB_TRY(sys::pipe());
  Spawn what{.argv = {scanner.libexec_dir + "/mosb-layer-scan",
                      filesystem_name(layer.filesystem),
                      layer.root_hash.hex(),
                      std::to_string(layer.size.value)}};
  for (const std::uint64_t block : blocks) {
    what.argv.push_back(std::to_string(block));
  }
  what.fds = {-1, -1, -1, blob.get(), pipe.write.get()};
  auto child = spawn(what);
  if (!child) {
    return std::move(child).error().as(Errc::kHost).with_hint("is mosb completely installed?");
  }
  pipe.write.reset();
  ScannerProcess process(*std::move(child));
  std::string answer = MOSB_TRY(read_answer(pipe.read.get(), Deadline::in(scanner.deadline)));
  MOSB_CHECK(check_end(MOSB_TRY(process.end())));
  return answer;
}

}  // namespace

Result<LayerScan> scan_layer(const LayerSource& layer, const Scanner& scanner) {
  const auto scan = [&]() -> Result<LayerScan> {
    return parse_scan_answer(MOSB_TRY(ask(layer, {}, scanner)));
  };
  return scan().context("scan layer " + layer.digest.str());
}

Result<std::vector<BlockOwner>> locate_blocks(const LayerSource& layer,
                                              std::span<const std::uint64_t> blocks,
                                              const Scanner& scanner) {
  const auto locate = [&]() -> Result<std::vector<BlockOwner>> {
    return parse_located_answer(MOSB_TRY(ask(layer, blocks, scanner)), blocks);
  };
  return locate().context("find blocks of layer " + layer.digest.str());
}

}  // namespace mosb::verity
