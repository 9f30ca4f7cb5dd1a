#include "provider-kvm/probe_guest.h"

#include <cstring>

namespace mosb::kvm {

const char* probe_step_name(ProbeStep step) {
  switch (step) {
    case ProbeStep::kNone:
      return "nothing";
    case ProbeStep::kRealMode:
      return "its first instruction, in real mode";
    case ProbeStep::kProtectedMode:
      return "the way to protected mode";
    case ProbeStep::kLongMode:
      return "the way to long mode with paging";
    case ProbeStep::kCpuid:
      return "CPUID";
    case ProbeStep::kRdtsc:
      return "RDTSC";
    case ProbeStep::kMmio:
      return "an access to a device's memory";
    case ProbeStep::kMemory:
      return "use of all its memory";
    case ProbeStep::kPageFault:
      return "a page fault";
    case ProbeStep::kInvalidOpcode:
      return "an invalid instruction";
    case ProbeStep::kComputing:
      return "fifty million loops";
    case ProbeStep::kHaltAndWake:
      return "HLT and being woken by the LAPIC's timer";
    case ProbeStep::kTimerWhileComputing:
      return "timer interrupts while it computes";
    case ProbeStep::kDone:
      return "its last instruction";
  }
  return "?";
}

}  // namespace mosb::kvm

#ifdef __x86_64__

// A kernel's first second in small. Real mode as the firmware leaves it, then every switch by the
// guest itself. Addresses are those in the guest: the program lies at kProbeCodeAddress, what the
// host prepares below it (see load_probe_guest()).
// NOLINTNEXTLINE(hicpp-no-assembler)
asm(R"(
  .pushsection .rodata.mosb_probe_guest, "a", @progbits
  .macro STEP n
    movb $\n, %al
    outb %al, $0x10
  .endm
  .set CODE, 0x10000
  .globl mosb_probe_begin, mosb_probe_end
  .globl mosb_probe_timer, mosb_probe_page_fault, mosb_probe_invalid, mosb_probe_unexpected
mosb_probe_begin:
  .code16
  cli
  STEP 1
  lgdtl 0x9100
  movl %cr0, %eax
  orl $1, %eax
  movl %eax, %cr0
  ljmpl $0x08, $(CODE + mosb_probe_protected - mosb_probe_begin)

  .code32
mosb_probe_protected:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl $0xf000, %esp
  STEP 2
  movl %cr4, %eax
  orl $0x620, %eax
  movl %eax, %cr4
  movl $0x3000, %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x100, %eax
  wrmsr
  movl %cr0, %eax
  andl $~0x4, %eax
  orl $0x80010022, %eax
  movl %eax, %cr0
  ljmpl $0x18, $(CODE + mosb_probe_long - mosb_probe_begin)

  .code64
mosb_probe_long:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl $0xf000, %esp
  lidt 0x9110
  STEP 3

  movl $1000, %esi
1:
  movl $1, %eax
  xorl %ecx, %ecx
  cpuid
  decl %esi
  jnz 1b
  testl $0x10, %edx
  jz mosb_probe_failed
  STEP 4

  rdtsc
  shlq $32, %rdx
  leaq (%rdx,%rax), %r8
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  cmpq %r8, %rax
  jbe mosb_probe_failed
  STEP 5

  movl $0xd0000000, %ebx
  movl $0x6d6f7362, (%rbx)
  movl (%rbx), %eax
  cmpl $0x62736f6d, %eax
  jne mosb_probe_failed
  STEP 6

  cld
  movl $0x200000, %edi
  movl $0x5a5a5a5a, %eax
  movl $(0xc00000 / 4), %ecx
  rep stosl
  movl $0x200000, %esi
  movl $0x800000, %edi
  movl $(0x600000 / 4), %ecx
  rep movsl
  cmpl $0x5a5a5a5a, 0xdffffc
  jne mosb_probe_failed
  STEP 7

  # The entry for 0xe00000 loses its present bit; the handler gives it back.
  andq $~1, 0x5038
  invlpg 0xe00000
  movl $7, 0xe00000
  cmpl $1, 0x9008
  jne mosb_probe_failed
  STEP 8

  ud2
  cmpl $1, 0x9010
  jne mosb_probe_failed
  STEP 9

  movl $50000000, %ecx
1:
  decl %ecx
  jnz 1b
  STEP 10

  # The timer's handler uses %rbx, too.
  movl $0xfee00000, %ebx
  movl $0x1ff, 0xf0(%rbx)
  movl $0xb, 0x3e0(%rbx)
  movl $0x40, 0x320(%rbx)
  movl $100, %esi
1:
  cli
  movq 0x9000, %r8
  movl $100000, 0x380(%rbx)
  sti
  hlt
  cmpq %r8, 0x9000
  je mosb_probe_failed
  decl %esi
  jnz 1b
  STEP 11

  movq 0x9000, %r8
  addq $100, %r8
  movl $0x20040, 0x320(%rbx)
  movl $100000, 0x380(%rbx)
1:
  cmpq %r8, 0x9000
  jb 1b
  movl $0x10000, 0x320(%rbx)
  cli
  STEP 12
  STEP 13
1:
  hlt
  jmp 1b

mosb_probe_failed:
mosb_probe_unexpected:
  outb %al, $0x11
1:
  hlt
  jmp 1b

mosb_probe_timer:
  incq 0x9000
  movl $0, 0xb0(%rbx)
  iretq

mosb_probe_page_fault:
  orq $1, 0x5038
  incl 0x9008
  addq $8, %rsp
  iretq

mosb_probe_invalid:
  incl 0x9010
  addq $2, (%rsp)
  iretq
mosb_probe_end:
  .popsection
)");

extern "C" {
extern const std::uint8_t mosb_probe_begin[];       // NOLINT(modernize-avoid-c-arrays)
extern const std::uint8_t mosb_probe_end[];         // NOLINT(modernize-avoid-c-arrays)
extern const std::uint8_t mosb_probe_timer[];       // NOLINT(modernize-avoid-c-arrays)
extern const std::uint8_t mosb_probe_page_fault[];  // NOLINT(modernize-avoid-c-arrays)
extern const std::uint8_t mosb_probe_invalid[];     // NOLINT(modernize-avoid-c-arrays)
extern const std::uint8_t mosb_probe_unexpected[];  // NOLINT(modernize-avoid-c-arrays)
}

namespace mosb::kvm {

namespace {

constexpr std::size_t kGdt = 0x1000;
constexpr std::size_t kIdt = 0x2000;
constexpr std::size_t kPml4 = 0x3000;
constexpr std::size_t kPdpt = 0x4000;
constexpr std::size_t kPageDirectories = 0x5000;
constexpr std::size_t kGdtPointer = 0x9100;
constexpr std::size_t kIdtPointer = 0x9110;
constexpr std::uint64_t kPresentWritable = 0x3;
constexpr std::uint64_t kLargePage = 0x80;

void put(std::span<std::uint8_t> memory, std::size_t at, std::uint64_t value) {
  std::memcpy(&memory[at], &value, sizeof value);
}

void put_pointer(std::span<std::uint8_t> memory,
                 std::size_t at,
                 std::uint16_t limit,
                 std::uint64_t base) {
  std::memcpy(&memory[at], &limit, sizeof limit);
  put(memory, at + sizeof limit, base);
}

/// An interrupt gate (Intel SDM volume 3, 6.14.1) of the 64-bit code segment.
void put_gate(std::span<std::uint8_t> memory, std::size_t vector, const std::uint8_t* handler) {
  const auto offset =
      kProbeCodeAddress + static_cast<std::uint64_t>(handler - &mosb_probe_begin[0]);
  put(memory,
      kIdt + vector * 16,
      (offset & 0xffffU) | (0x18ULL << 16U) | (0x8eULL << 40U) | ((offset >> 16U) << 48U));
}

}  // namespace

bool load_probe_guest(std::span<std::uint8_t> memory) {
  const auto size = static_cast<std::size_t>(&mosb_probe_end[0] - &mosb_probe_begin[0]);
  std::memcpy(&memory[kProbeCodeAddress], &mosb_probe_begin[0], size);
  // Null, 32-bit code, data, 64-bit code.
  constexpr std::array<std::uint64_t, 4> kSegments{
      0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff};
  for (std::size_t i = 0; i < kSegments.size(); ++i) {
    put(memory, kGdt + i * 8, kSegments.at(i));
  }
  put_pointer(memory, kGdtPointer, kSegments.size() * 8 - 1, kGdt);
  put(memory, kPml4, kPdpt | kPresentWritable);
  // The first 4 GiB as they are, in pages of 2 MiB.
  for (std::size_t i = 0; i < 4; ++i) {
    put(memory, kPdpt + i * 8, (kPageDirectories + i * 0x1000) | kPresentWritable);
  }
  for (std::uint64_t i = 0; i < 2048; ++i) {
    put(memory, kPageDirectories + i * 8, (i << 21U) | kPresentWritable | kLargePage);
  }
  constexpr std::size_t kVectors = 256;
  for (std::size_t vector = 0; vector < kVectors; ++vector) {
    put_gate(memory, vector, &mosb_probe_unexpected[0]);
  }
  put_gate(memory, 0x06, &mosb_probe_invalid[0]);
  put_gate(memory, 0x0e, &mosb_probe_page_fault[0]);
  put_gate(memory, 0x40, &mosb_probe_timer[0]);
  put_pointer(memory, kIdtPointer, kVectors * 16 - 1, kIdt);
  return true;
}

}  // namespace mosb::kvm

#else

namespace mosb::kvm {

bool load_probe_guest(std::span<std::uint8_t> /*memory*/) {
  return false;
}

}  // namespace mosb::kvm

#endif
