#include "provider-kvm/kvm_probe.h"

#include <chrono>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;       // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;  // NOLINT(google-build-using-namespace): the part under test

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool has_kvm() {
  return ::access("/dev/kvm", R_OK | W_OK) == 0;
}

}  // namespace

TEST_CASE("the question whether KVM works ends by its deadline, whatever KVM does", "[kvm]") {
  const auto begin = steady_clock::now();
  const KvmProbe probe = must(probe_kvm({.deadline = milliseconds(2000)}));
  CAPTURE(probe.detail);
  // Beyond the deadline: the time to end a child that hangs.
  CHECK(steady_clock::now() - begin < std::chrono::seconds(4));
  CHECK_FALSE(probe.detail.empty());
  CHECK((probe.outcome == KvmProbe::Outcome::kAbsent) == !has_kvm());
  if (probe.outcome == KvmProbe::Outcome::kFails) {
    // Not the probe's own doing: its calls are those that every kernel with KVM has.
    CHECK(probe.detail.find("refuses") == std::string::npos);
  }
}

TEST_CASE("a host without /dev/kvm has no KVM, and is asked again", "[kvm]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-"));
  const std::string cache = dir.path() + "/probe.json";
  const KvmProbe probe = must(cached_kvm_probe(cache, {.device = dir.path() + "/kvm"}));
  CHECK(probe.outcome == KvmProbe::Outcome::kAbsent);
  CHECK_FALSE(path_exists(cache));
}

TEST_CASE("a device that is not KVM's fails the probe with the call that it refused", "[kvm]") {
  const KvmProbe probe = must(probe_kvm({.device = "/dev/null"}));
  CHECK(probe.outcome == KvmProbe::Outcome::kFails);
  CHECK(probe.detail.find("KVM_GET_API_VERSION") != std::string::npos);
}

TEST_CASE("the answer is kept for this boot and kernel only", "[kvm]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-"));
  const std::string cache = dir.path() + "/probe.json";
  // Fails at once, so that what is asked again is seen.
  const KvmProbeOptions options{.device = "/dev/null"};
  const KvmProbe asked = must(cached_kvm_probe(cache, options));
  Json kept = Json::parse(must(read_file(cache, ByteCount{4096})));
  kept["detail"] = "kept";
  must(replace_file(cache, kept.dump(), 0600));
  CHECK(must(cached_kvm_probe(cache, options)).detail == "kept");

  SECTION("another kernel") {
    kept["kernel"] = "another";
    must(replace_file(cache, kept.dump(), 0600));
  }
  SECTION("a damaged file") {
    must(replace_file(cache, "{", 0600));
  }
  SECTION("an outcome that there is not") {
    kept["outcome"] = "perhaps";
    must(replace_file(cache, kept.dump(), 0600));
  }
  CHECK(must(cached_kvm_probe(cache, options)) == asked);
}

TEST_CASE("the probe leaves no child and no open file", "[kvm]") {
  const std::size_t before = must(list_dir("/proc/self/fd")).size();
  (void)must(probe_kvm({.deadline = milliseconds(500)}));
  CHECK(must(list_dir("/proc/self/fd")).size() == before);
  CHECK(must(read_kernel_file("/proc/self/task/" + std::to_string(::gettid()) + "/children",
                              ByteCount{4096}))
            .empty());
}
