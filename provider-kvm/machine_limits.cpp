#include "provider-kvm/machine_limits.h"

#include <cstdint>
#include <utility>

namespace mosb::kvm {

namespace {

/// qemu has a pool of at most 64 threads for disks, a few for screens and itself; qemu-img the
/// same.
constexpr std::uint64_t kMostThreads = 256;
/// Of qemu, swtpm, caches of disks and a screen, and room for the host's cache of the disks.
constexpr ByteCount kBeside{2 * kGiB};
/// Of translated code, at most.
constexpr ByteCount kTranslated{1 * kGiB};

Status set_if_there(const Cgroup& cgroup, const CgroupLimits& limits) {
  auto set = cgroup.set_limits(limits);
  return set || set.error().code() != Errc::kHost ? std::move(set) : ok();
}

}  // namespace

CgroupLimits machine_limits(const MachineSpec& spec) {
  const std::uint64_t translated = spec.accel == Accel::kTcg ? kTranslated.value : 0;
  CgroupLimits limits;
  limits.memory = ByteCount{spec.memory.value + spec.memory.value / 2 + kBeside.value + translated};
  limits.pids = kMostThreads + spec.cpus;
  limits.may_swap = true;
  return limits;
}

Result<Cgroup> make_machine_cgroup(const std::string& name, const MachineSpec& spec) {
  Cgroup cgroup = MOSB_TRY(Cgroup::create(name));
  CgroupLimits memory = machine_limits(spec);
  CgroupLimits pids;
  std::swap(memory.pids, pids.pids);
  MOSB_CHECK(set_if_there(cgroup, memory));
  MOSB_CHECK(set_if_there(cgroup, pids));
  return cgroup;
}

}  // namespace mosb::kvm
