#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "provider-kvm/machine_spec.h"
#include "provider-kvm/run_record.h"
#include "provider-kvm/runtime_files.h"

/// The life of one machine's processes. No process of mosb is needed while they run: what is true
/// is read from the kernel each time, by the record of the run and by the cgroup that every process
/// of the machine was born in.
///
/// Whoever starts, stops or clears holds a lock of the machine.
namespace mosb::kvm {

/// One machine on this host.
struct MachinePlace {
  RuntimeFiles files;
  /// Every process of the machine is in it, and no other.
  std::string cgroup;
  /// One directory for all machines of the host, for choose_user().
  std::string users;

  std::string record() const { return files.dir() + "/run.json"; }
  /// What qemu prints.
  std::string qemu_log() const { return files.dir() + "/qemu.log"; }
  /// What swtpm prints.
  std::string tpm_log() const { return files.dir() + "/swtpm.log"; }
  /// The taps that were made for the run, one name per line; written before they are.
  std::string taps() const { return files.dir() + "/taps"; }
};

enum class Condition {
  /// Nothing of it is there.
  kStopped,
  kRunning,
  /// qemu runs, but swtpm has ended: the guest's TPM answers no more.
  kTpmGone,
  /// qemu ended by itself, as it does when the guest powers off.
  kEnded,
  /// qemu was killed or crashed.
  kCrashed,
  /// A start that did not come to its end, or is just happening.
  kUnfinished,
};

struct Observation {
  Condition condition = Condition::kStopped;
  std::optional<RunRecord> record;
  /// Of qemu, where it runs.
  UniqueFd qemu;
  /// The last that qemu printed, for kCrashed and kEnded, or swtpm, for kTpmGone.
  std::string last_words;
  /// For kCrashed: the kernel killed a process of the machine for its limit of memory.
  bool out_of_memory = false;
};

/// Looks without changing anything. Errors: kState for a damaged record.
Result<Observation> observe(const MachinePlace& place);

/// Makes what a stopped machine lacks: disks, firmware variables, the state of its TPM. start()
/// does it, too; copying an image takes its time, though, in which its caller may want to hold
/// fewer locks. What runs for it is in the machine's cgroup, so that clear() ends it, whoever was
/// killed. Errors: kBusy if anything of a run is there, and those of make_missing_files(),
/// set_up_tpm().
Status make_files(const MachineSpec& spec, const MachinePlace& place, ProcessRunner& processes);

struct StartOptions {
  /// Until qemu's greeting.
  std::chrono::milliseconds deadline{30'000};
  SystemTime now;
  /// For RunRecord::origin.
  std::string origin = {};
};

/// Starts a stopped machine: makes what files are missing, starts swtpm and qemu, and returns when
/// qemu has answered over QMP. If the caller is root, both run as a user of their own, and the
/// start fails if they can't. After an error nothing of the run is left. Errors: kBusy if anything
/// of it is there (clear() first), kHost without qemu or swtpm, kNetSetup for taps, kBoot if qemu
/// ends or keeps silent, with its words.
Result<RunRecord> start(const MachineSpec& spec,
                        const MachinePlace& place,
                        const StartOptions& options,
                        ProcessRunner& processes);

struct StopOptions {
  /// How long the guest may take to power off after it was asked; zero: it is not asked.
  std::chrono::milliseconds patience{30'000};
};

enum class Stopped {
  /// The guest powered off.
  kByGuest,
  /// qemu was told to quit, or killed.
  kByForce,
  /// It did not run any more.
  kBefore,
};

/// Asks the guest to power off, tells qemu to quit when it does not in time, kills what is left,
/// and clears.
Result<Stopped> stop(const MachinePlace& place, const StopOptions& options);

/// Kills every process of the machine and removes its run directory, cgroup and taps.
Status clear(const MachinePlace& place);

}  // namespace mosb::kvm
