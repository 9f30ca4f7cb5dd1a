#include "provider-kvm/machine_run.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "mosb/base/boot_id.h"
#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/qmp_client.h"
#include "provider-kvm/tap_device.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxProcessLog{1 * kMiB};
constexpr ByteCount kMaxTaps{4 * kKiB};
constexpr std::chrono::seconds kKillTime{10};
/// For an answer of a qemu that is well.
constexpr std::chrono::seconds kAnswerTime{5};
constexpr std::chrono::seconds kPressAgain{3};
/// For writing out what disks have cached, after "quit".
constexpr std::chrono::seconds kQuitTime{10};

std::string last_words(const std::string& log) {
  const auto text = read_file(log, kMaxProcessLog);
  return text ? escape(last_line(*text)) : "";
}

/// Waits for the process's end; false after the time.
bool ends_within(int pidfd, std::chrono::milliseconds time) {
  const Deadline deadline = Deadline::in(time);
  pollfd fd{pidfd, POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&fd, 1, deadline.poll_ms());
    if (ready > 0) {
      return true;
    }
    if (ready == 0 || errno != EINTR) {
      return false;
    }
  }
}

/// qemu removes the file whenever it ends in order, also when somebody asked it to.
bool left_its_sign(const MachinePlace& place) {
  return path_exists(path_exists(place.files.own()) ? place.files.alive() : place.files.pid());
}

bool ran_out_of_memory(const MachinePlace& place) {
  const auto cgroup = Cgroup::at(place.cgroup);
  const auto kills = cgroup && cgroup->exists() ? cgroup->oom_kills() : std::uint64_t{0};
  return kills && *kills > 0;
}

Result<bool> has_processes(const MachinePlace& place) {
  const Cgroup cgroup = MOSB_TRY(Cgroup::at(place.cgroup));
  if (!cgroup.exists()) {
    return false;
  }
  return !MOSB_TRY(cgroup.processes()).empty();
}

/// Asks the guest to power off until qemu has ended; false when patience is over. A guest that is
/// just booting does not hear the button, so it is pressed again and again.
bool powers_off(const MachinePlace& place, int qemu, std::chrono::milliseconds patience) {
  const Deadline deadline = Deadline::in(patience);
  while (!deadline.over()) {
    if (auto client = QmpClient::connect(place.files.qmp(), qemu, Deadline::in(kAnswerTime))) {
      (void)client->execute("system_powerdown", Deadline::in(kAnswerTime));
    }
    if (ends_within(qemu, std::min<std::chrono::milliseconds>(deadline.left(), kPressAgain))) {
      return true;
    }
  }
  return false;
}

/// Tells qemu to end, which writes out what disks have cached.
void quit(const MachinePlace& place, int qemu) {
  const Deadline deadline = Deadline::in(kAnswerTime);
  if (auto client = QmpClient::connect(place.files.qmp(), qemu, deadline)) {
    (void)client->execute("quit", deadline);
    (void)ends_within(qemu, kQuitTime);
  }
}

}  // namespace

Result<Observation> observe(const MachinePlace& place) {
  Observation seen;
  seen.record = MOSB_TRY(read_run_record(place.record()));
  if (!seen.record) {
    const bool any = path_exists(place.files.dir()) || MOSB_TRY(has_processes(place));
    seen.condition = any ? Condition::kUnfinished : Condition::kStopped;
    return seen;
  }
  if (seen.record->boot_id != MOSB_TRY(current_boot_id())) {
    seen.condition = Condition::kCrashed;
    seen.last_words = "the host was started anew";
    return seen;
  }
  auto qemu = MOSB_TRY(open_process(seen.record->qemu));
  if (!qemu) {
    seen.last_words = last_words(place.qemu_log());
    const bool by_signal = seen.last_words.find("terminating on signal") != std::string::npos;
    seen.condition = by_signal || left_its_sign(place) ? Condition::kCrashed : Condition::kEnded;
    seen.out_of_memory = seen.condition == Condition::kCrashed && ran_out_of_memory(place);
    return seen;
  }
  seen.qemu = *std::move(qemu);
  seen.condition = Condition::kRunning;
  if (seen.record->tpm && !MOSB_TRY(open_process(*seen.record->tpm))) {
    seen.condition = Condition::kTpmGone;
    seen.last_words = last_words(place.tpm_log());
  }
  return seen;
}

Result<Stopped> stop(const MachinePlace& place, const StopOptions& options) {
  const Observation seen = MOSB_TRY(observe(place));
  Stopped how = Stopped::kBefore;
  if (seen.qemu.is_open()) {
    const bool by_guest =
        options.patience.count() > 0 && powers_off(place, seen.qemu.get(), options.patience);
    how = by_guest ? Stopped::kByGuest : Stopped::kByForce;
    if (!by_guest) {
      quit(place, seen.qemu.get());
    }
  }
  MOSB_CHECK(clear(place));
  return how;
}

Status clear(const MachinePlace& place) {
  const Cgroup cgroup = MOSB_TRY(Cgroup::at(place.cgroup));
  if (cgroup.exists()) {
    MOSB_CHECK(cgroup.kill_all(kKillTime).context("end what is left of the machine"));
  }
  // Also when it is not there: a start that was killed may have made its parents only.
  MOSB_CHECK(cgroup.remove());
  if (path_exists(place.taps())) {
    for (const std::string& tap : split(MOSB_TRY(read_file(place.taps(), kMaxTaps)), '\n')) {
      if (!tap.empty()) {
        MOSB_CHECK(remove_tap(tap));
      }
    }
  }
  MOSB_CHECK(remove_tree(place.files.dir()));
  // Where other machines run, it is not empty and stays.
  (void)sys::rmdir(place.files.dir().substr(0, place.files.dir().rfind('/')));
  return ok();
}

}  // namespace mosb::kvm
