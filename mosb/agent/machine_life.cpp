#include "mosb/agent/machine_life.h"

#include <initializer_list>
#include <utility>

#include "mosb/agent/machine_accel.h"
#include "mosb/agent/machine_compose.h"
#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_end.h"
#include "mosb/agent/machine_lock.h"
#include "mosb/agent/machine_log.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/agent/machine_ports.h"
#include "mosb/agent/machine_published.h"
#include "mosb/agent/machine_seed.h"
#include "mosb/base/digest.h"
#include "mosb/base/duration.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/machine_run.h"
#include "provider-kvm/vsock_device.h"

namespace mosb::agent {

namespace {

/// The fields of `config` that are not the same.
std::vector<std::string> differences(const manifest::Machine& a, const manifest::Machine& b) {
  const std::initializer_list<std::pair<const char*, bool>> fields{
      {"accel", a.accel == b.accel},
      {"cpus", a.cpus == b.cpus},
      {"memory", a.memory.value == b.memory.value},
      {"boot", a.boot == b.boot},
      {"cdrom", a.cdrom == b.cdrom},
      {"uefi-code", a.uefi_code == b.uefi_code},
      {"secure-boot", a.secure_boot == b.secure_boot},
      {"kernel", a.kernel == b.kernel},
      {"tpm", a.tpm == b.tpm},
      {"gui", a.screen == b.screen},
      {"cloud-init", a.cloud_init == b.cloud_init},
      {"vsock", a.vsock_cid == b.vsock_cid},
      {"manifest", a.manifest == b.manifest},
      {"nics", a.nics == b.nics},
      {"disks", a.disks == b.disks}};
  std::vector<std::string> out;
  for (const auto& [name, same] : fields) {
    if (!same) {
      out.emplace_back(name);
    }
  }
  return out;
}

Error kvm_is_dead(const std::string& name) {
  return Error(Errc::kHost,
               "machine " + quote(name) + " shows no sign of life: KVM does not work here")
      .with_hint("stop it, and say 'accel: tcg' in its definition");
}

/// Waits for a machine that runs, without its lock: others may stop it meanwhile.
Result<kvm::RunRecord> wait_for_guest(const MachineHost& host,
                                      const std::string& name,
                                      const kvm::MachinePlace& place,
                                      const MachineStart& options) {
  kvm::Observation seen = MOSB_TRY(kvm::observe(place));
  if (!seen.qemu.is_open()) {
    return Error(Errc::kBoot, "machine " + quote(name) + " ended before it was ready");
  }
  const kvm::GuestSigns signs =
      MOSB_TRY(kvm::wait_ready(place, seen, options.ready_line, Deadline::in(*options.wait)));
  if (signs.ended) {
    return Error(Errc::kBoot, "machine " + quote(name) + " ended before it was ready")
        .with_hint("`mosb machine logs " + name + "` shows what it printed");
  }
  const bool on_kvm = seen.record->accel == kvm::Accel::kKvm;
  if (!signs.alive && on_kvm) {
    return kvm_is_dead(name);
  }
  if (!signs.ready) {
    return Error(Errc::kBoot,
                 "machine " + quote(name) + " runs, but was not ready within " +
                     duration_text(*options.wait))
        .with_hint("`mosb machine logs " + name + "` shows how far it came" +
                   (on_kvm ? "; if it hangs, try 'accel: tcg'" : ""));
  }
  kvm::RunRecord record = *seen.record;
  record.alive = true;
  record.ready = host.clock.now();
  const FileLock lock = MOSB_TRY(lock_machine(host.paths, name));
  const kvm::Observation now = MOSB_TRY(kvm::observe(place));
  if (now.record && now.record->qemu == record.qemu) {
    MOSB_CHECK(kvm::write_run_record(place.record(), record));
  }
  return record;
}

Result<kvm::RunRecord> start_locked(const MachineHost& host,
                                    const std::string& name,
                                    const kvm::MachinePlace& place) {
  const std::string text = MOSB_TRY(read_definition(host.paths, name));
  const kvm::Observation seen = MOSB_TRY(settle_machine(host.paths, name, host.clock));
  if (seen.condition != kvm::Condition::kStopped) {
    return Error(Errc::kBusy, "machine " + quote(name) + " runs already")
        .with_hint("`mosb machine restart " + name + "` starts it anew");
  }
  const manifest::Machine machine = MOSB_TRY(read_defined_machine(host.paths, name));
  const kvm::MachineSpec spec = MOSB_TRY(resolve_machine(host, machine));
  MOSB_CHECK(kvm::check_spec(spec));
  // Copying an image may take minutes, in which others shall have their ports.
  MOSB_CHECK(kvm::make_files(spec, place, host.processes).context("start machine " + quote(name)));
  const FileLock ports = MOSB_TRY(lock_host_ports(host.paths));
  MOSB_CHECK(check_host_ports(spec, MOSB_TRY(read_port_holders(host.paths, name)))
                 .context("machine " + quote(name)));
  if (spec.vsock_cid) {
    MOSB_CHECK(kvm::check_vsock(*spec.vsock_cid).context("machine " + quote(name)));
  }
  MOSB_CHECK(rotate_console_log(place.files.console_log()));
  if (spec.cloud_init) {
    MOSB_CHECK(write_seed(*spec.cloud_init));
  }
  const std::string started = MachinePaths(host.paths, name).started();
  MOSB_CHECK(write_file_atomic(started, "", 0600));
  auto record = kvm::start(
      spec, place, {.now = host.clock.now(), .origin = Digest::of(text).str()}, host.processes);
  if (!record) {
    MOSB_CHECK(sys::unlink(started));
  }
  return std::move(record).context("start machine " + quote(name));
}

}  // namespace

Result<kvm::MachineSpec> resolve_machine(const MachineHost& host,
                                         const manifest::Machine& machine) {
  const MachinePaths paths(host.paths, machine.name);
  MachineContext context{paths, host.home};
  context.auto_accel = MOSB_TRY(choose_accel(host.paths, machine.accel));
  context.exists = path_exists;
  context.published = MOSB_TRY(read_published(machine, host.home));
  if (!context.published.empty()) {
    context.is_taken = port_taken(MOSB_TRY(read_port_holders(host.paths, machine.name)));
  }
  return compose_machine(machine, context);
}

Result<kvm::RunRecord> start_machine(const MachineHost& host,
                                     const std::string& name,
                                     const MachineStart& options) {
  (void)MOSB_TRY(read_definition(host.paths, name));
  const kvm::MachinePlace place = MOSB_TRY(machine_place(host.paths, name));
  kvm::RunRecord record;
  {
    const FileLock lock = MOSB_TRY(lock_machine(host.paths, name));
    record = MOSB_TRY(start_locked(host, name, place));
  }
  return options.wait ? wait_for_guest(host, name, place, options) : record;
}

Result<kvm::Stopped> stop_machine(const MachineHost& host,
                                  const std::string& name,
                                  const kvm::StopOptions& options) {
  (void)MOSB_TRY(read_definition(host.paths, name));
  const FileLock lock = MOSB_TRY(lock_machine(host.paths, name));
  const kvm::MachinePlace place = MOSB_TRY(machine_place(host.paths, name));
  const kvm::Observation seen = MOSB_TRY(settle_machine(host.paths, name, host.clock));
  if (!seen.qemu.is_open()) {
    return kvm::Stopped::kBefore;
  }
  const kvm::Stopped how =
      MOSB_TRY(kvm::stop(place, options).context("stop machine " + quote(name)));
  const std::string message =
      how == kvm::Stopped::kByGuest ? "stopped: the guest powered off" : "stopped by force";
  MOSB_CHECK(end_machine(
      host.paths, name, place, {.failed = false, .message = message, .at = host.clock.now()}));
  return how;
}

Status remove_machine(const MachineHost& host, const std::string& name, IfRunning if_running) {
  (void)MOSB_TRY(read_definition(host.paths, name));
  const FileLock lock = MOSB_TRY(lock_machine(host.paths, name));
  const kvm::MachinePlace place = MOSB_TRY(machine_place(host.paths, name));
  const kvm::Observation seen = MOSB_TRY(settle_machine(host.paths, name, host.clock));
  if (!path_exists(MachinePaths(host.paths, name).definition())) {
    return ok();  // an ephemeral one that had ended; its lock went with it
  }
  if (seen.qemu.is_open() && if_running == IfRunning::kRefuse) {
    return Error(Errc::kBusy, "machine " + quote(name) + " runs")
        .with_hint("stop it first, or use --force");
  }
  MOSB_CHECK(kvm::stop(place, {.patience = std::chrono::milliseconds(0)}));
  MOSB_CHECK(remove_definition(host.paths, name));
  return remove_machine_lock(host.paths, name);
}

Result<MachineChange> change_machine(const MachineHost& host,
                                     const std::string& name,
                                     const std::string& text,
                                     const manifest::Machine& machine) {
  (void)MOSB_TRY(read_definition(host.paths, name));
  const FileLock lock = MOSB_TRY(lock_machine(host.paths, name));
  const auto before = read_defined_machine(host.paths, name);
  const kvm::Observation seen = MOSB_TRY(settle_machine(host.paths, name, host.clock));
  (void)MOSB_TRY(read_definition(host.paths, name));
  MachineChange change;
  change.running = seen.qemu.is_open();
  if (change.running && before) {
    change.needs_restart = differences(*before, machine);
  }
  MOSB_CHECK(replace_definition(host.paths, name, text));
  return change;
}

}  // namespace mosb::agent
