#include "lxc/helper_main.h"

#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

#include "lxc/helper_loop.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxSpec{4 * kMiB};

Result<HelperSpec> read_spec() {
  const UniqueFd fd(kHelperSpecFd);
  const std::string text =
      MOSB_TRY(read_kernel_file("/proc/self/fd/" + std::to_string(fd.get()), kMaxSpec));
  return parse_helper_spec(text);
}

/// The spec, in a process that its starter does not wait for.
Result<HelperSpec> prepare() {
  HelperSpec helper = MOSB_TRY(read_spec());
  MOSB_CHECK(check_spec(helper.spec));
  return helper;
}

void run_to_the_end(const HelperSpec& helper,
                    UniqueFd init_spec,
                    StarterChannels starter,
                    const ItemsHook& hook) {
  auto state = set_up(helper, std::move(init_spec), hook);
  // Whoever learns of the end, by the report or by the lock, may start the next one in the same
  // cgroups: ours go first.
  if (state) {
    HelperLoop loop(*std::move(state), std::move(starter));
    loop.run();
    (void)leave_monitor_cgroup(helper.spec);
    loop.end();
    return;
  }
  if (state.error().code() != Errc::kBusy) {
    const auto service = Cgroup::at(service_cgroup(helper.spec.instance, helper.spec.name));
    if (service) {
      (void)service->remove();
    }
    (void)leave_monitor_cgroup(helper.spec);
  }
  report_outcome(starter.report, state.error());
}

}  // namespace

int helper_main(const ItemsHook& hook) {
  UniqueFd init_spec(kHelperInitSpecFd);
  StarterChannels starter{UniqueFd(kHelperReportFd), {}};
  (void)::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  const auto helper = prepare();
  if (!helper) {
    report_outcome(starter.report, helper.error());
    return 1;
  }
  if (helper->spec.network == Network::kConnected) {
    starter.connect = UniqueFd(kHelperConnectFd);
  }
  const pid_t pid = ::fork();
  if (pid < 0) {
    report_outcome(starter.report, Error(Errc::kResource, "fork: no more processes"));
    return 1;
  }
  if (pid > 0) {
    return 0;
  }
  ::setsid();
  run_to_the_end(*helper, std::move(init_spec), std::move(starter), hook);
  return 0;
}

}  // namespace mosb::lxc
