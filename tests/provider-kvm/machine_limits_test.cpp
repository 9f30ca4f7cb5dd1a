#include "provider-kvm/machine_limits.h"

#include <catch2/catch.hpp>

#include "sample_spec.h"

using namespace mosb;             // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;        // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm::test;  // NOLINT(google-build-using-namespace): the part under test

TEST_CASE("a machine's limits are far above what it needs", "[provider-kvm]") {
  MachineSpec spec = small_machine();
  spec.memory = ByteCount{4 * kGiB};
  spec.cpus = 8;
  spec.accel = Accel::kKvm;
  CHECK(machine_limits(spec).memory == ByteCount{8 * kGiB});
  CHECK(machine_limits(spec).pids == 264U);
  CHECK(machine_limits(spec).may_swap);
  CHECK_FALSE(machine_limits(spec).cpu_millis);
  spec.accel = Accel::kTcg;
  CHECK(machine_limits(spec).memory == ByteCount{9 * kGiB});
}
