#include "provider-kvm/kvm_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mosb/base/boot_id.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/probe_run.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxCache{4 * kKiB};
/// A killed child that the kernel does not let go in this time is left to it.
constexpr std::chrono::milliseconds kKillTime{1'000};

/// A page that the child writes and the parent reads, whatever becomes of the child.
class SharedProgress {
 public:
  static Result<SharedProgress> make() {
    void* const page = ::mmap(
        nullptr, sizeof(ProbeProgress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr): as the system defines it
      return Error::sys("map a page for the KVM probe", errno);
    }
    return SharedProgress(Page(new (page) ProbeProgress()));
  }
  ProbeProgress& operator*() const { return *page_; }
  ProbeProgress* operator->() const { return page_.get(); }

 private:
  struct Unmap {
    void operator()(ProbeProgress* page) const { (void)::munmap(page, sizeof *page); }
  };
  using Page = std::unique_ptr<ProbeProgress, Unmap>;
  explicit SharedProgress(Page page) : page_(std::move(page)) {}
  Page page_;
};

[[noreturn]] void be_the_child(int kvm, pid_t parent, ProbeProgress& progress) {
  // Whoever asked may be killed meanwhile: nothing may hang on after that.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(1);
  }
  (void)::dup2(kvm, 0);
  (void)::close_range(1, ~0U, 0);
  run_probe_guest(0, progress);
  ::_exit(0);
}

Result<Child> start_child(int kvm, ProbeProgress& progress) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return Error::sys("start the KVM probe", errno);
  }
  if (pid == 0) {
    be_the_child(kvm, parent, progress);
  }
  auto pidfd = sys::pidfd_open(pid);
  if (!pidfd) {
    (void)::kill(pid, SIGKILL);
    return pidfd.error();
  }
  return Child{pid, *std::move(pidfd)};
}

std::string failure_text(const ProbeProgress& progress, bool in_time) {
  const auto step = static_cast<ProbeStep>(progress.step.load());
  const std::string missing =
      probe_step_name(static_cast<ProbeStep>(static_cast<std::uint8_t>(step) + 1));
  if (!in_time) {
    return "a small guest does not come through " + missing + " in time";
  }
  switch (progress.end.load()) {
    case ProbeEnd::kCall:
      return "/dev/kvm refuses " + std::string(progress.call.data()) + ": " +
             Error::sys("", progress.err).message();
    case ProbeEnd::kUnexpectedExit:
      return "a small guest fails at " + missing + " (exit " +
             std::to_string(progress.exit_reason) + ")";
    case ProbeEnd::kUnsupported:
      return "the probe is not written for this processor";
    case ProbeEnd::kRunning:
    case ProbeEnd::kGuestDone:
    case ProbeEnd::kGuestFailed:
      break;
  }
  return "a small guest fails at " + missing;
}

Result<std::string> kernel_identity() {
  const std::string boot = MOSB_TRY(current_boot_id());
  utsname name{};
  if (::uname(&name) < 0) {
    return Error::sys("ask for the kernel's name", errno);
  }
  return boot + " " + static_cast<const char*>(name.release);
}

constexpr std::array kOutcomes{
    KvmProbe::Outcome::kWorks, KvmProbe::Outcome::kAbsent, KvmProbe::Outcome::kFails};

Result<KvmProbe> read_cache(const std::string& file, const std::string& identity) {
  const std::string text = MOSB_TRY(read_file(file, kMaxCache));
  const Json object = MOSB_TRY(json::parse(text, kMaxCache));
  if (MOSB_TRY(json::require_string(object, "kernel")) != identity) {
    return Error(Errc::kNotFound, "asked under another kernel");
  }
  const std::string outcome = MOSB_TRY(json::require_string(object, "outcome"));
  const auto* const found = std::find_if(
      kOutcomes.begin(), kOutcomes.end(), [&](auto o) { return outcome == outcome_name(o); });
  if (found == kOutcomes.end()) {
    return Error(Errc::kContent, "no such outcome");
  }
  return KvmProbe{*found, MOSB_TRY(json::require_string(object, "detail"))};
}

}  // namespace

const char* outcome_name(KvmProbe::Outcome outcome) {
  switch (outcome) {
    case KvmProbe::Outcome::kWorks:
      return "works";
    case KvmProbe::Outcome::kAbsent:
      return "absent";
    case KvmProbe::Outcome::kFails:
      return "fails";
  }
  return "?";
}

Result<KvmProbe> probe_kvm(const KvmProbeOptions& options) {
  const auto kvm = sys::open(options.device, O_RDWR);
  if (!kvm) {
    return KvmProbe{KvmProbe::Outcome::kAbsent, kvm.error().message()};
  }
  const SharedProgress progress = MOSB_TRY(SharedProgress::make());
  const Child child = MOSB_TRY(start_child(kvm->get(), *progress));
  const auto ended = wait_for(child, options.deadline);
  const bool in_time = ended && *ended;
  if (!in_time) {
    (void)sys::pidfd_send_signal(child.pidfd.get(), SIGKILL);
    (void)wait_for(child, kKillTime);
  }
  if (in_time && progress->end.load() == ProbeEnd::kGuestDone) {
    return KvmProbe{KvmProbe::Outcome::kWorks, "a small guest came through"};
  }
  return KvmProbe{KvmProbe::Outcome::kFails, failure_text(*progress, in_time)};
}

Result<KvmProbe> cached_kvm_probe(const std::string& cache_file, const KvmProbeOptions& options) {
  const std::string identity = MOSB_TRY(kernel_identity());
  if (auto cached = read_cache(cache_file, identity)) {
    return cached;
  }
  KvmProbe probe = MOSB_TRY(probe_kvm(options));
  if (probe.outcome != KvmProbe::Outcome::kAbsent) {
    const Json object{
        {"kernel", identity}, {"outcome", outcome_name(probe.outcome)}, {"detail", probe.detail}};
    MOSB_CHECK(replace_file(cache_file, object.dump() + "\n", 0600));
  }
  return probe;
}

}  // namespace mosb::kvm
