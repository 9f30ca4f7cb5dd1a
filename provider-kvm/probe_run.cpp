#include "provider-kvm/probe_run.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "provider-kvm/probe_guest.h"

namespace mosb::kvm {

#ifdef __x86_64__

namespace {

/// Three pages below 4 GiB that no memory of the guest uses (KVM_SET_TSS_ADDR in the kernel's
/// Documentation/virt/kvm/api.rst), as qemu chooses them.
constexpr unsigned long kTssAddress = 0xfffbd000;
constexpr std::uint64_t kIdentityMapAddress = 0xfffbc000;
constexpr std::uint32_t kMaxCpuidEntries = 256;

/// struct kvm_cpuid2 with room. The header's own ends in a flexible array, which makes it (and so
/// the numbers of these two calls) longer in C++ than it is.
struct CpuidTable {
  std::uint32_t count = 0;
  std::uint32_t padding = 0;
  std::array<kvm_cpuid_entry2, kMaxCpuidEntries> entries{};
};
constexpr unsigned kCpuidHeaderSize = 8;
constexpr unsigned long kGetSupportedCpuid =
    _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, kCpuidHeaderSize);
constexpr unsigned long kSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, kCpuidHeaderSize);

class Probe {
 public:
  Probe(int kvm, ProbeProgress& progress) : kvm_(kvm), progress_(progress) {}

  void run() {
    if (make_machine() && make_memory() && make_processor()) {
      while (step()) {
      }
    }
  }

 private:
  /// An ioctl; its refusal is the probe's end.
  int call(const char* name, int fd, unsigned long request, void* argument) {
    return judged(name, ::ioctl(fd, request, argument));
  }
  int call(const char* name, int fd, unsigned long request, unsigned long argument) {
    return judged(name, ::ioctl(fd, request, argument));
  }
  int judged(const char* name, int value) {
    if (value < 0) {
      progress_.err = errno;
      std::strncpy(progress_.call.data(), name, progress_.call.size() - 1);
      progress_.end = ProbeEnd::kCall;
    }
    return value;
  }

  bool make_machine() {
    if (call("KVM_GET_API_VERSION", kvm_, KVM_GET_API_VERSION, 0UL) < 0) {
      return false;
    }
    vm_ = call("KVM_CREATE_VM", kvm_, KVM_CREATE_VM, 0UL);
    std::uint64_t identity = kIdentityMapAddress;
    kvm_pit_config pit{};
    return vm_ >= 0 &&
           call("KVM_SET_IDENTITY_MAP_ADDR", vm_, KVM_SET_IDENTITY_MAP_ADDR, &identity) >= 0 &&
           call("KVM_SET_TSS_ADDR", vm_, KVM_SET_TSS_ADDR, kTssAddress) >= 0 &&
           call("KVM_CREATE_IRQCHIP", vm_, KVM_CREATE_IRQCHIP, 0UL) >= 0 &&
           call("KVM_CREATE_PIT2", vm_, KVM_CREATE_PIT2, &pit) >= 0;
  }

  bool make_memory() {
    void* const memory = ::mmap(nullptr,
                                kProbeMemorySize,
                                PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                -1,
                                0);
    if (memory == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr): as the system defines it
      return judged("mmap", -1) >= 0;
    }
    if (!load_probe_guest(std::span(static_cast<std::uint8_t*>(memory), kProbeMemorySize))) {
      progress_.end = ProbeEnd::kUnsupported;
      return false;
    }
    kvm_userspace_memory_region region{};
    region.memory_size = kProbeMemorySize;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
    return call("KVM_SET_USER_MEMORY_REGION", vm_, KVM_SET_USER_MEMORY_REGION, &region) >= 0;
  }

  bool make_processor() {
    cpu_ = call("KVM_CREATE_VCPU", vm_, KVM_CREATE_VCPU, 0UL);
    if (cpu_ < 0 || !describe_processor()) {
      return false;
    }
    const int size = call("KVM_GET_VCPU_MMAP_SIZE", kvm_, KVM_GET_VCPU_MMAP_SIZE, 0UL);
    if (size < static_cast<int>(sizeof(kvm_run))) {
      return false;
    }
    void* const shared = ::mmap(
        nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, cpu_, 0);
    if (shared == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr): as the system defines it
      return judged("mmap", -1) >= 0;
    }
    run_ = static_cast<kvm_run*>(shared);
    kvm_sregs sregs{};
    if (call("KVM_GET_SREGS", cpu_, KVM_GET_SREGS, &sregs) < 0) {
      return false;
    }
    sregs.cs.base = kProbeCodeAddress;
    sregs.cs.selector = kProbeCodeAddress >> 4U;
    kvm_regs regs{};
    regs.rflags = 2;
    return call("KVM_SET_SREGS", cpu_, KVM_SET_SREGS, &sregs) >= 0 &&
           call("KVM_SET_REGS", cpu_, KVM_SET_REGS, &regs) >= 0;
  }

  /// All that KVM offers, as qemu's `-cpu host` does.
  bool describe_processor() {
    static CpuidTable table{};
    table.count = kMaxCpuidEntries;
    return call("KVM_GET_SUPPORTED_CPUID", kvm_, kGetSupportedCpuid, &table) >= 0 &&
           call("KVM_SET_CPUID2", cpu_, kSetCpuid2, &table) >= 0;
  }

  /// Runs the guest until it wants something. False at the probe's end.
  bool step() {
    if (::ioctl(cpu_, KVM_RUN, 0) < 0) {
      return errno == EINTR || errno == EAGAIN || judged("KVM_RUN", -1) >= 0;
    }
    switch (run_->exit_reason) {
      case KVM_EXIT_IO:
        return port_exit();
      case KVM_EXIT_MMIO:
        return mmio_exit();
      default:
        return unexpected();
    }
  }

  bool port_exit() {
    const auto& io = run_->io;
    if (io.direction != KVM_EXIT_IO_OUT || io.size != 1 || io.count != 1) {
      return unexpected();
    }
    if (io.port == kProbeFailurePort) {
      progress_.end = ProbeEnd::kGuestFailed;
      return false;
    }
    const auto* const data = reinterpret_cast<const std::uint8_t*>(run_) + io.data_offset;
    if (io.port != kProbeStepPort || *data != progress_.step + 1) {
      return unexpected();
    }
    progress_.step = *data;
    if (*data == static_cast<std::uint8_t>(ProbeStep::kDone)) {
      progress_.end = ProbeEnd::kGuestDone;
      return false;
    }
    return true;
  }

  bool mmio_exit() {
    auto& mmio = run_->mmio;
    std::uint32_t value = 0;
    std::memcpy(&value, static_cast<const void*>(&mmio.data), sizeof value);
    if (mmio.phys_addr != kProbeMmioAddress || mmio.len != sizeof value ||
        (mmio.is_write != 0 && value != kProbeMmioWritten)) {
      return unexpected();
    }
    if (mmio.is_write == 0) {
      std::memcpy(static_cast<void*>(&mmio.data), &kProbeMmioAnswer, sizeof kProbeMmioAnswer);
    }
    return true;
  }

  bool unexpected() {
    progress_.exit_reason = run_->exit_reason;
    progress_.end = ProbeEnd::kUnexpectedExit;
    return false;
  }

  int kvm_;
  ProbeProgress& progress_;
  int vm_ = -1;
  int cpu_ = -1;
  kvm_run* run_ = nullptr;
};

}  // namespace

void run_probe_guest(int kvm, ProbeProgress& progress) {
  Probe(kvm, progress).run();
}

#else

void run_probe_guest(int /*kvm*/, ProbeProgress& progress) {
  progress.end = ProbeEnd::kUnsupported;
}

#endif

}  // namespace mosb::kvm
