#include "provider-kvm/machine_run.h"

#include <chrono>
#include <csignal>
#include <string>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/base/random.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "provider-kvm/qmp_client.h"
#include "tests/support/must.h"

using namespace mosb;       // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;  // NOLINT(google-build-using-namespace): the part under test

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A machine of firmware alone, in a place of its own; nothing of it outlives the value.
class Machine {
 public:
  Machine()
      : dir_(must(TempDir::make("/tmp", "mosb-test-"))),
        place_{RuntimeFiles(dir_.path() + "/run", dir_.path() + "/console.log"),
               "mosb-test-" + random_hex(4) + "/machines/vm1",
               dir_.path() + "/users"} {
    spec_.name = "vm1";
    spec_.accel = Accel::kTcg;
    spec_.cpus = 1;
    spec_.memory = ByteCount{64 * kMiB};
    spec_.firmware = Firmware{"/usr/share/OVMF/OVMF_CODE_4M.fd",
                              "/usr/share/OVMF/OVMF_VARS_4M.fd",
                              dir_.path() + "/vars.fd"};
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  Machine(Machine&&) = delete;
  Machine& operator=(Machine&&) = delete;
  ~Machine() { (void)clear(place_); }

  Result<RunRecord> start() {
    return kvm::start(spec_, place_, {.now = SystemTime(seconds(1'700'000'000))}, processes_);
  }
  Condition condition() const { return must(observe(place_)).condition; }
  bool has_anything() const {
    return path_exists(place_.files.dir()) || must(Cgroup::at(place_.cgroup)).exists();
  }
  const MachinePlace& place() const { return place_; }
  MachineSpec& spec() { return spec_; }

 private:
  TempDir dir_;
  MachinePlace place_;
  MachineSpec spec_;
  RealProcessRunner processes_;
};

void kill_and_wait(const ProcessIdentity& process) {
  ::kill(process.pid, SIGKILL);
  (void)wait_for(Child{process.pid, must(sys::pidfd_open(process.pid))}, std::nullopt);
}

}  // namespace

TEST_CASE("a started machine answers over QMP, and nothing of a stopped one is left", "[machine]") {
  Machine machine;
  CHECK(machine.condition() == Condition::kStopped);
  const RunRecord record = must(machine.start());
  CHECK(machine.condition() == Condition::kRunning);
  CHECK(must(observe(machine.place())).record == record);
  {
    const Deadline deadline = Deadline::in(seconds(10));
    QmpClient client = must(QmpClient::connect(machine.place().files.qmp(), -1, deadline));
    CHECK(client.version() == record.qemu_version);
    CHECK(must(client.execute("query-status", deadline)).at("status") == "running");
    const auto refused = client.execute("no-such-command", deadline);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("no-such-command") != std::string::npos);
    must(client.execute("stop", deadline));
    CHECK(must(client.next_event(deadline)).name == "STOP");
    const auto none = client.next_event(Deadline::in(milliseconds(50)));
    REQUIRE_FALSE(none);
    CHECK(none.error().code() == Errc::kRuntime);
  }
  CHECK(must(stop(machine.place(), {.patience = milliseconds(0)})) == Stopped::kByForce);
  CHECK(machine.condition() == Condition::kStopped);
  CHECK_FALSE(machine.has_anything());
}

TEST_CASE("a second connection to QMP gets no greeting, and says so in time", "[machine]") {
  Machine machine;
  (void)must(machine.start());
  const QmpClient first =
      must(QmpClient::connect(machine.place().files.qmp(), -1, Deadline::in(seconds(10))));
  const auto second =
      QmpClient::connect(machine.place().files.qmp(), -1, Deadline::in(milliseconds(100)));
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::kRuntime);
}

TEST_CASE("a machine is not started twice, and what runs is left alone", "[machine]") {
  Machine machine;
  const RunRecord record = must(machine.start());
  const auto again = machine.start();
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kBusy);
  CHECK(must(observe(machine.place())).record == record);
}

TEST_CASE("a start that fails leaves no process, socket, file or cgroup", "[machine]") {
  Machine machine;
  SECTION("qemu refuses its command line") {
    machine.spec().tpm = Tpm{Tpm::Version::k2_0, machine.place().files.dir() + "-tpm"};
    Nic nic{"nic0", "virtio-net-pci", "52:54:00:11:22:33", NoNetwork{}};
    nic.rom = {OptionRom::From::kFile, "/nonexistent.rom"};
    machine.spec().nics.push_back(nic);
  }
  SECTION("there is no such bridge") {
    machine.spec().nics.push_back({"nic0",
                                   "virtio-net-pci",
                                   "52:54:00:11:22:33",
                                   TapNetwork{"mosbtestnone", "mosbnobridge"}});
  }
  SECTION("its firmware is missing") {
    machine.spec().firmware->code = "/nonexistent.fd";
  }
  REQUIRE_FALSE(machine.start());
  CHECK_FALSE(machine.has_anything());
}

TEST_CASE("qemu that was killed and qemu that ended in order are told apart", "[machine]") {
  Machine machine;
  const RunRecord record = must(machine.start());
  SECTION("killed") {
    kill_and_wait(record.qemu);
    CHECK(machine.condition() == Condition::kCrashed);
  }
  SECTION("ended") {
    const Deadline deadline = Deadline::in(seconds(10));
    QmpClient client = must(QmpClient::connect(machine.place().files.qmp(), -1, deadline));
    (void)client.execute("quit", deadline);
    (void)wait_for(Child{record.qemu.pid, must(sys::pidfd_open(record.qemu.pid))}, std::nullopt);
    CHECK(machine.condition() == Condition::kEnded);
  }
  CHECK(must(stop(machine.place(), {})) == Stopped::kBefore);
  CHECK_FALSE(machine.has_anything());
}

TEST_CASE("a record of another boot names no process of this one", "[machine]") {
  Machine machine;
  RunRecord record = must(machine.start());
  record.boot_id = "of-another-boot";
  must(write_run_record(machine.place().record(), record));
  CHECK(machine.condition() == Condition::kCrashed);
}

TEST_CASE("what a start that was killed left is seen and cleared", "[machine]") {
  Machine machine;
  (void)must(machine.start());
  must(sys::unlink(machine.place().record()));
  CHECK(machine.condition() == Condition::kUnfinished);
  const auto again = machine.start();
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kBusy);
  must(clear(machine.place()));
  CHECK(machine.condition() == Condition::kStopped);
  (void)must(machine.start());
}
