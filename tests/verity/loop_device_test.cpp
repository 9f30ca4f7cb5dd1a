#include "verity/loop_device.h"

#include <cerrno>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/loop.h>

#include "mosb/base/sys.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

/// A host on which others are faster with the first devices.
class CrowdedHost final : public LoopApi {
 public:
  CrowdedHost(int lost_races, int last_errno) : lost_races_(lost_races), errno_(last_errno) {}
  Result<int> get_free() override { return next_++; }
  Result<UniqueFd> open(int /*number*/) override {
    if (going_-- > 0) {
      return Error::sys("open", ENXIO);
    }
    return sys::open("/dev/null", O_RDONLY);
  }
  Status configure(int /*fd*/, const loop_config& config) override {
    config_ = config;
    if (lost_races_-- > 0) {
      return Error::sys("configure", EBUSY);
    }
    return errno_ == 0 ? ok() : Status(Error::sys("configure", errno_));
  }
  const loop_config& config() const { return config_; }
  int asked() const { return next_; }
  /// How many of the first devices are losing a user as they are opened.
  void lose_users(int number) { going_ = number; }

 private:
  int going_ = 0;
  int lost_races_;
  int errno_;
  int next_ = 0;
  loop_config config_{};
};

const LoopSetup kSetup{3, ByteCount{40960}, loop_tag(std::string(64, 'a'))};

}  // namespace

TEST_CASE("a loop device that somebody else took first is tried again with another", "[verity]") {
  CrowdedHost host(3, 0);
  const LoopDevice device = must(LoopDevice::attach(kSetup, host));
  CHECK(device.number() == 3);
  CHECK(device.path() == "/dev/loop3");
}

TEST_CASE("a loop device that is losing a user as it is opened is tried again with another",
          "[verity]") {
  CrowdedHost host(0, 0);
  host.lose_users(2);
  CHECK(must(LoopDevice::attach(kSetup, host)).number() == 2);
}

TEST_CASE("a host on which every free loop device is taken is out of resources", "[verity]") {
  CrowdedHost host(1'000'000, 0);
  const auto device = LoopDevice::attach(kSetup, host);
  REQUIRE_FALSE(device);
  CHECK(device.error().code() == Errc::kResource);
  CHECK(host.asked() < 1000);
}

TEST_CASE("a kernel without LOOP_CONFIGURE is refused as a host, once", "[verity]") {
  CrowdedHost host(0, ENOTTY);
  CHECK(LoopDevice::attach(kSetup, host).error().code() == Errc::kHost);
  CHECK(host.asked() == 1);
}

TEST_CASE("a loop device is read-only, goes with its user and carries its tag", "[verity]") {
  CrowdedHost host(0, 0);
  REQUIRE(LoopDevice::attach(kSetup, host));
  const loop_config& config = host.config();
  CHECK(config.fd == 3);
  CHECK(config.block_size == 4096);
  CHECK(config.info.lo_sizelimit == 40960);
  CHECK(config.info.lo_flags == (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO));
  CHECK(std::string(reinterpret_cast<const char*>(&config.info.lo_file_name[0])) ==
        "mosb:" + std::string(50, 'a'));
}
