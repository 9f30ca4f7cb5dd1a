#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/boot_id.h"
#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/disk_files.h"
#include "provider-kvm/host_user.h"
#include "provider-kvm/machine_limits.h"
#include "provider-kvm/machine_run.h"
#include "provider-kvm/qemu_argv.h"
#include "provider-kvm/qmp_client.h"
#include "provider-kvm/tap_device.h"
#include "provider-kvm/tpm_process.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxProcessLog{1 * kMiB};
constexpr std::chrono::seconds kEndTime{1};
/// Of making a directory whose parent another machine's end may be removing.
constexpr int kAttempts = 10;

/// What the program complained about: its last line without its own name in front.
std::string complaint(const std::string& log) {
  const auto text = read_file(log, kMaxProcessLog);
  std::string last;
  for (const std::string& line : text ? split(*text, '\n') : std::vector<std::string>()) {
    if (!line.empty() && line.find(": warning: ") == std::string::npos) {
      last = line;
    }
  }
  const std::string name = std::string(kQemu) + ": ";
  return escape(last.compare(0, name.size(), name) == 0 ? last.substr(name.size()) : last);
}

Status make_taps(const MachineSpec& spec, const MachinePlace& place) {
  std::string names;
  for (const Nic& nic : spec.nics) {
    const auto* const tap = std::get_if<TapNetwork>(&nic.network);
    if (tap == nullptr) {
      continue;
    }
    if (!tap->bridge) {
      // qemu would make one that leads nowhere.
      if (::if_nametoindex(tap->ifname.c_str()) == 0) {
        return Error(Errc::kNetSetup, "there is no device " + quote(tap->ifname))
            .with_hint("make it: ip tuntap add " + tap->ifname + " mode tap");
      }
      continue;
    }
    names += tap->ifname + "\n";
    // First the name, then the device: whoever clears after us finds it.
    MOSB_CHECK(replace_file(place.taps(), names, 0600));
    MOSB_CHECK(make_tap(tap->ifname, *tap->bridge));
  }
  return ok();
}

std::vector<HostForward> forwards_of(const MachineSpec& spec) {
  std::vector<HostForward> out;
  for (const Nic& nic : spec.nics) {
    if (const auto* const user = std::get_if<UserNetwork>(&nic.network)) {
      out.insert(out.end(), user->forwards.begin(), user->forwards.end());
    }
  }
  return out;
}

Status make_run_dir(const std::string& dir) {
  Status made = ok();
  for (int i = 0; i < kAttempts; ++i) {
    made = sys::mkdir_all(dir, 0700);
    if (made || made.error().sys_errno() != ENOENT) {
      break;
    }
  }
  return made;
}

/// qemu would make it readable by everybody, and guests print passwords.
Status make_console_log(const std::string& path) {
  MOSB_CHECK(sys::mkdir_all(std::filesystem::path(path).parent_path().string(), 0755));
  const UniqueFd log = MOSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  if (::fchmod(log.get(), 0600) < 0) {
    return Error::sys("chmod " + quote(path), errno);
  }
  return ok();
}

Result<std::uint64_t> size_of(const std::string& path) {
  const auto st = sys::lstat(path);
  if (!st) {
    return st.error().sys_errno() == ENOENT ? Result<std::uint64_t>(0) : st.error();
  }
  return static_cast<std::uint64_t>(st->st_size);
}

/// Where qemu begins; its own if it gets a user of its own.
Result<UniqueFd> working_directory(const MachinePlace& place, std::optional<std::uint32_t> user) {
  const std::string dir = user ? place.files.own() : "/";
  if (user) {
    MOSB_CHECK(sys::mkdir(dir, 0700));
    if (::lchown(dir.c_str(), *user, *user) < 0) {
      return Error::sys("give " + quote(dir) + " to user " + std::to_string(*user), errno);
    }
  }
  return sys::open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<Child> start_qemu(const MachineSpec& spec,
                         const MachinePlace& place,
                         std::optional<std::uint32_t> user,
                         const CgroupEntrance& cgroup) {
  std::vector<std::string> argv =
      user ? qemu_argv_as(spec, place.files, *user) : qemu_argv(spec, place.files);
  argv[0] = MOSB_TRY(
      find_program(argv[0]).as(Errc::kHost).with_hint("install the package qemu-system-x86"));
  const UniqueFd log =
      MOSB_TRY(sys::open(place.qemu_log(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  const UniqueFd directory = MOSB_TRY(working_directory(place, user));
  return spawn({.argv = std::move(argv),
                .env = program_environment(),
                .fds = {-1, log.get(), log.get()},
                .cgroup = &cgroup,
                .directory = directory.get(),
                .no_new_privileges = true})
      .as(Errc::kBoot);
}

Error did_not_start(const MachinePlace& place, const Child& qemu, Error why) {
  // It closes its sockets a moment before it ends.
  const auto ended = wait_for(qemu, kEndTime);
  const std::string said = complaint(place.qemu_log());
  if (!ended || !*ended) {
    return std::move(why).context("qemu does not answer").as(Errc::kBoot);
  }
  return Error(Errc::kBoot, "qemu does not start: " + (said.empty() ? why.message() : said));
}

/// What the host's KVM refuses shows in qemu's words only.
Error blame_kvm(Error error) {
  constexpr std::array<std::string_view, 4> kWords{
      "/kvm.c:", "kvm_init_vcpu", "initialize kvm", "KVM kernel module"};
  const std::string& said = error.message();
  const bool is_kvm = std::any_of(kWords.begin(), kWords.end(), [&](std::string_view words) {
    return said.find(words) != std::string::npos;
  });
  return is_kvm ? std::move(error)
                      .as(Errc::kHost)
                      .with_hint("KVM does not work here: say 'accel: tcg' in its definition")
                : error;
}

/// qemu has made everything that its command line names once it answers a question.
Result<std::string> greet(const MachinePlace& place, const Child& qemu, const Deadline& deadline) {
  auto client = QmpClient::connect(place.files.qmp(), qemu.pidfd.get(), deadline);
  if (!client) {
    return did_not_start(place, qemu, client.error());
  }
  const auto status = client->execute("query-status", deadline);
  if (!status) {
    return did_not_start(place, qemu, status.error());
  }
  return client->version();
}

/// nullopt if whoever starts the machine has no right to choose.
Result<std::optional<HostUser>> user_for(const MachinePlace& place) {
  if (::geteuid() != 0) {
    return std::optional<HostUser>();
  }
  return std::optional(
      MOSB_TRY(choose_user(place.cgroup, place.users).context("a user for the machine")));
}

Result<Child> start_tpm_as(const Tpm& tpm,
                           const MachinePlace& place,
                           std::optional<std::uint32_t> user,
                           const CgroupEntrance& cgroup) {
  if (user) {
    MOSB_CHECK(give_tpm_state(tpm.state_dir, *user));
  }
  return start_tpm(
      tpm, {.socket = place.files.tpm(), .log = place.tpm_log(), .cgroup = &cgroup, .user = user});
}

Status check_processes(const RunRecord& record) {
  if (record.user) {
    MOSB_CHECK(check_confined_process(record.qemu.pid, *record.user).context("qemu"));
  }
  if (record.user && record.tpm) {
    MOSB_CHECK(check_confined_process(record.tpm->pid, *record.user).context("swtpm"));
  }
  return ok();
}

Result<RunRecord> start_processes(const MachineSpec& spec,
                                  const MachinePlace& place,
                                  const StartOptions& options) {
  const Cgroup cgroup = MOSB_TRY(make_machine_cgroup(place.cgroup, spec));
  const CgroupEntrance entrance = MOSB_TRY(cgroup.entrance());
  RunRecord record;
  record.boot_id = MOSB_TRY(current_boot_id());
  record.accel = spec.accel;
  record.since = options.now;
  record.origin = options.origin;
  record.forwards = forwards_of(spec);
  record.console_offset = MOSB_TRY(size_of(place.files.console_log()));
  const std::optional<HostUser> user = MOSB_TRY(user_for(place));
  if (user) {
    record.user = user->id;
  }
  if (spec.tpm) {
    const Child tpm = MOSB_TRY(start_tpm_as(*spec.tpm, place, record.user, entrance));
    record.tpm = MOSB_TRY(identify(tpm.pid).as(Errc::kBoot));
  }
  const Child qemu = MOSB_TRY(start_qemu(spec, place, record.user, entrance));
  record.qemu = MOSB_TRY(identify(qemu.pid).as(Errc::kBoot));
  auto version = greet(place, qemu, Deadline::in(options.deadline));
  if (!version) {
    return spec.accel == Accel::kKvm ? blame_kvm(version.error()) : version.error();
  }
  record.qemu_version = *std::move(version);
  if (record.tpm && !MOSB_TRY(open_process(*record.tpm))) {
    return Error(Errc::kBoot, "swtpm ended: " + complaint(place.tpm_log()));
  }
  MOSB_CHECK(check_processes(record));
  MOSB_CHECK(write_run_record(place.record(), record));
  return record;
}

Status check_stopped(const MachineSpec& spec, const MachinePlace& place) {
  if (MOSB_TRY(observe(place)).condition != Condition::kStopped) {
    return Error(Errc::kBusy, "machine " + quote(spec.name) + " runs already");
  }
  return ok();
}

/// Whether a program has to run before the start.
bool lacks_files(const MachineSpec& spec) {
  return (spec.tpm && !path_exists(spec.tpm->state_dir)) ||
         std::any_of(spec.disks.begin(), spec.disks.end(), [](const Disk& disk) {
           return !path_exists(disk.path);
         });
}

}  // namespace

Status make_files(const MachineSpec& spec, const MachinePlace& place, ProcessRunner& processes) {
  MOSB_CHECK(check_spec(spec));
  MOSB_CHECK(check_stopped(spec, place));
  if (!lacks_files(spec)) {
    return make_missing_files(spec, nullptr, processes);
  }
  const ScopeExit undo([&] { (void)clear(place); });
  // First what whoever clears after us looks for.
  MOSB_CHECK(make_run_dir(place.files.dir()));
  const Cgroup cgroup = MOSB_TRY(make_machine_cgroup(place.cgroup, spec));
  const CgroupEntrance entrance = MOSB_TRY(cgroup.entrance());
  MOSB_CHECK(make_missing_files(spec, &entrance, processes));
  return spec.tpm ? set_up_tpm(*spec.tpm, &entrance, processes) : ok();
}

Result<RunRecord> start(const MachineSpec& spec,
                        const MachinePlace& place,
                        const StartOptions& options,
                        ProcessRunner& processes) {
  MOSB_CHECK(make_files(spec, place, processes));
  MOSB_CHECK(make_console_log(place.files.console_log()));
  ScopeExit undo([&] { (void)clear(place); });
  MOSB_CHECK(make_run_dir(place.files.dir()));
  MOSB_CHECK(make_taps(spec, place));
  RunRecord record = MOSB_TRY(start_processes(spec, place, options));
  undo.dismiss();
  return record;
}

}  // namespace mosb::kvm
