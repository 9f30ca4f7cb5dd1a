#pragma once

#include <chrono>
#include <string>

#include "mosb/base/result.h"
#include "provider-kvm/probe_guest.h"

namespace mosb::kvm {

/// Whether this host's KVM can carry a kernel, and why it is thought so.
struct KvmProbe {
  enum class Outcome {
    kWorks,
    /// There is no /dev/kvm, or it may not be opened.
    kAbsent,
    /// The probe's guest did not come through.
    kFails,
  };
  Outcome outcome = Outcome::kAbsent;
  /// One sentence for people.
  std::string detail;
  bool operator==(const KvmProbe&) const = default;
};

struct KvmProbeOptions {
  std::string device = "/dev/kvm";
  std::chrono::milliseconds deadline{5'000};
};

/// Runs a guest of its own that does what a kernel does in its first second (ProbeStep), in a child
/// process: where KVM hangs, only that child hangs, and it is killed. Takes some 50 ms where KVM
/// works. Errors: kResource if no child can be made.
Result<KvmProbe> probe_kvm(const KvmProbeOptions& options = {});

/// The same, but asked once per boot and kernel: the answer is kept in `cache_file`. An absent
/// device is looked for again each time. A damaged cache counts as none.
Result<KvmProbe> cached_kvm_probe(const std::string& cache_file,
                                  const KvmProbeOptions& options = {});

/// "works", "absent", "fails".
const char* outcome_name(KvmProbe::Outcome outcome);

}  // namespace mosb::kvm
