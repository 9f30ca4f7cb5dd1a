#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/text.h"
#include "provider-kvm/qemu_argv.h"
#include "tests/agent/machine_files.h"
#include "tests/support/test_process.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test
using mosb::agent::test::compose_definition;
using mosb::test::TestProcess;

namespace {

using std::chrono::milliseconds;

constexpr int kTries = 1500;
constexpr milliseconds kBetween{20};

void run(const std::vector<std::string>& argv) {
  RealProcessRunner runner;
  Command command;
  command.argv = argv;
  const Completed done = must(runner.run(command));
  CAPTURE(argv, done.err);
  REQUIRE(done.status == 0);
}

void make_file(const std::string& path, const std::string& bytes, std::size_t size) {
  must(sys::mkdir_all(path.substr(0, path.rfind('/')), 0700));
  std::ofstream(path) << bytes;
  REQUIRE(::truncate(path.c_str(), static_cast<off_t>(size)) == 0);
}

/// As much of a Linux kernel as qemu looks at.
std::string kernel_header() {
  std::string bytes(0x400, '\0');
  bytes[0x1f1] = 1;
  bytes.replace(0x202, 4, "HdrS");
  bytes[0x206] = 0x0c;
  bytes[0x207] = 0x02;
  // The highest address of an initrd.
  bytes.replace(0x22c, 4, "\xff\xff\xff\x37");
  return bytes;
}

/// A connection to a socket, once somebody listens there or `process` has ended.
UniqueFd connect_to(const std::string& path, const TestProcess& process) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  for (int i = 0; i < kTries; ++i) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the call's own type
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      return fd;
    }
    if (must(wait_for(process.child(), kBetween))) {
      break;
    }
  }
  return UniqueFd();
}

/// Everything until the other side closes, says nothing for a while, or `until` was seen.
std::string receive(const UniqueFd& fd, const std::string& until) {
  constexpr int kPatience = 30'000;
  std::string text;
  std::array<char, 4096> buffer{};
  pollfd wait{fd.get(), POLLIN, 0};
  while (text.find(until) == std::string::npos && ::poll(&wait, 1, kPatience) == 1) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

void send(const UniqueFd& fd, const std::string& text) {
  must(sys::write_all(fd.get(), std::as_bytes(std::span(text))));
}

/// One machine whose files are made as a start would make them, in a folder of its own.
class Bench {
 public:
  explicit Bench(const std::string& name)
      : home_(dir_.path() + "/home"),
        spec_(compose_definition(name, dir_.path(), home_)),
        files_(agent::MachinePaths(agent::Paths(dir_.path()), spec_.name).runtime()) {
    must(sys::mkdir_all(files_.dir(), 0700));
    must(sys::mkdir_all(dir_.path() + "/var/log/mosb/machines", 0700));
    make_firmware();
    for (const kvm::Disk& disk : spec_.disks) {
      make_disk(disk);
    }
    if (spec_.kernel) {
      make_file(spec_.kernel->image, kernel_header(), 64 * kKiB);
      make_file(spec_.kernel->initrd, "", 4096);
    }
    if (spec_.cloud_init) {
      make_file(spec_.cloud_init->image, "", kMiB);
    }
  }

  const kvm::RuntimeFiles& files() const { return files_; }

  enum class Guest { kStopped, kRuns };
  /// qemu, with the guest stopped before its first instruction unless it is to run, in a network of
  /// its own so that neither ports nor taps meet those of others.
  TestProcess start_qemu(Guest guest = Guest::kStopped) const {
    std::string script = "set -e; ip link set lo up; ";
    for (const kvm::Nic& nic : spec_.nics) {
      if (const auto* const tap = std::get_if<kvm::TapNetwork>(&nic.network)) {
        script += "ip tuntap add " + tap->ifname + " mode tap; ";
      }
    }
    std::vector<std::string> argv{"unshare", "-n", "bash", "-c", script + "exec \"$@\"", "bash"};
    for (std::string& argument : kvm::qemu_argv(spec_, files_)) {
      argv.push_back(std::move(argument));
    }
    if (guest == Guest::kStopped) {
      argv.emplace_back("-S");
    }
    return must(TestProcess::start(argv, "/dev/null", messages()));
  }

  std::vector<TestProcess> start_tpm() const {
    std::vector<TestProcess> processes;
    if (spec_.tpm) {
      must(sys::mkdir_all(spec_.tpm->state_dir, 0700));
      std::vector<std::string> argv{"swtpm",
                                    "socket",
                                    "--tpmstate",
                                    "dir=" + spec_.tpm->state_dir,
                                    "--ctrl",
                                    "type=unixio,path=" + files_.tpm()};
      if (spec_.tpm->version == kvm::Tpm::Version::k2_0) {
        argv.emplace_back("--tpm2");
      }
      processes.push_back(must(TestProcess::start(argv, "/dev/null", dir_.path() + "/swtpm.err")));
      for (int i = 0; i < kTries && !path_exists(files_.tpm()); ++i) {
        REQUIRE_FALSE(must(wait_for(processes[0].child(), kBetween)));
      }
    }
    return processes;
  }

  const kvm::MachineSpec& spec() const { return spec_; }
  std::string messages() const { return dir_.path() + "/qemu.err"; }

 private:
  void make_firmware() {
    if (!spec_.firmware) {
      return;
    }
    const kvm::Firmware& firmware = *spec_.firmware;
    if (firmware.code.starts_with(home_)) {
      must(sys::mkdir_all(home_, 0700));
      run({"cp", "/usr/share/OVMF/OVMF_CODE_4M.fd", firmware.code});
      run({"cp", "/usr/share/OVMF/OVMF_VARS_4M.fd", firmware.vars_template});
    }
    must(sys::mkdir_all(firmware.vars.substr(0, firmware.vars.rfind('/')), 0700));
    run({"cp", firmware.vars_template, firmware.vars});
  }

  void make_disk(const kvm::Disk& disk) {
    must(sys::mkdir_all(disk.path.substr(0, disk.path.rfind('/')), 0700));
    const bool raw = disk.format == kvm::ImageFormat::kRaw;
    const std::uint64_t size = disk.size.value_or(ByteCount{kMiB}).value;
    run({"qemu-img", "create", "-q", "-f", raw ? "raw" : "qcow2", disk.path, std::to_string(size)});
  }

  TempDir dir_ = must(TempDir::make("/var/tmp", "mosb-qemu-"));
  std::string home_;
  kvm::MachineSpec spec_;
  kvm::RuntimeFiles files_;
};

/// What qemu says about cards whose network is 'none'.
bool is_expected(const std::string& line) {
  return line.empty() || line.find("has no peer") != std::string::npos;
}

}  // namespace

TEST_CASE("qemu takes every command line, and answers at the control socket", "[machine]") {
  for (const std::string& name : agent::test::good_definitions()) {
    CAPTURE(name);
    const Bench bench(name);
    const std::vector<TestProcess> tpm = bench.start_tpm();
    const TestProcess qemu = bench.start_qemu();
    const UniqueFd control = connect_to(bench.files().qmp(), qemu);
    const std::string said = must(read_file(bench.messages(), ByteCount{64 * kKiB}));
    CAPTURE(said);
    REQUIRE(control.get() >= 0);
    CHECK(receive(control, "\n").starts_with("{\"QMP\":"));
    send(control, R"({"execute":"qmp_capabilities"}{"execute":"query-status"})");
    CHECK_THAT(receive(control, "\"status\""), Catch::Contains("\"prelaunch\""));
    send(control, R"({"execute":"quit"})");
    (void)receive(control, "nothing like it");
    CHECK(must(wait_for(qemu.child(), std::chrono::seconds(30))) == 0);
    for (const std::string& line :
         split(must(read_file(bench.messages(), ByteCount{64 * kKiB})), '\n')) {
      CAPTURE(line);
      CHECK(is_expected(line));
    }
  }
}

TEST_CASE("a machine's screen, console and agent are sockets in its folder", "[machine]") {
  const Bench bench("vnc");
  const TestProcess qemu = bench.start_qemu();
  const UniqueFd control = connect_to(bench.files().qmp(), qemu);
  REQUIRE(control.get() >= 0);
  for (const std::string& path :
       {bench.files().console(), bench.files().guest_agent(), bench.files().screen()}) {
    CAPTURE(path);
    CHECK(connect_to(path, qemu).get() >= 0);
  }
  CHECK(path_exists(bench.files().pid()));
  CHECK(path_exists(bench.files().console_log()));
}

TEST_CASE("firmware finds every disk, and tries those that are bootable in their order",
          "[machine]") {
  const Bench bench("disks");
  const TestProcess qemu = bench.start_qemu(Bench::Guest::kRuns);
  REQUIRE(connect_to(bench.files().qmp(), qemu).get() >= 0);
  (void)must(test::wait_for_text(
      bench.files().console_log(), "BdsDxe: loading", std::chrono::seconds(120)));
  const std::string log = must(read_file(bench.files().console_log(), ByteCount{kMiB}));
  // In the order of their numbers: nvme has one, then the list without the sata disk that is
  // 'off', then the cdroms.
  std::size_t at = 0;
  for (const std::string device : {"QEMU NVMe Ctrl ssd-fast",
                                   "Misc Device\"",
                                   "Misc Device 2",
                                   "QEMU HARDDISK \"",
                                   "QEMU HARDDISK  2",
                                   "USB HARDDRIVE ssd-stick",
                                   "Misc Device 3",
                                   "QEMU CD-ROM ",
                                   "USB HARDDRIVE 1-",
                                   "DVD-ROM more"}) {
    CAPTURE(device, log);
    const std::size_t found = log.find("failed to load Boot", at);
    REQUIRE(found != std::string::npos);
    at = log.find('\n', found);
    CHECK_THAT(log.substr(found, at - found), Catch::Contains(device));
  }
  CHECK(log.find("failed to load Boot", at) == std::string::npos);
}

TEST_CASE("firmware with Secure Boot runs with a TPM, and writes to the machine's own variables",
          "[machine]") {
  const Bench bench("secure");
  const kvm::Firmware& firmware = bench.spec().firmware.value();
  const std::vector<TestProcess> tpm = bench.start_tpm();
  const TestProcess qemu = bench.start_qemu(Bench::Guest::kRuns);
  REQUIRE(connect_to(bench.files().qmp(), qemu).get() >= 0);
  // It takes its time: emulated, and each write to a variable leaves the guest.
  (void)must(test::wait_for_text(
      bench.files().console_log(), "BdsDxe: No bootable option", std::chrono::seconds(240)));
  const ByteCount limit{4 * kMiB};
  CHECK(must(read_file(firmware.vars, limit)) != must(read_file(firmware.vars_template, limit)));
  CHECK(path_exists(bench.spec().tpm->state_dir + "/tpm2-00.permall"));
}
