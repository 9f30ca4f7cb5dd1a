#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "sample_spec.h"

using namespace mosb;             // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;        // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm::test;  // NOLINT(google-build-using-namespace): the part under test

namespace {

using Change = std::function<void(MachineSpec&)>;

MachineSpec full_machine() {
  MachineSpec spec = small_machine();
  spec.disks = {small_disk("a"), small_disk("b")};
  spec.nics = {small_nic("nic0"), small_nic("nic1")};
  spec.tpm = Tpm{Tpm::Version::k2_0, "/m/vm1/tpm"};
  return spec;
}

}  // namespace

TEST_CASE("a spec that would give qemu other options than it says is refused", "[provider-kvm]") {
  CHECK(check_spec(full_machine()).has_value());
  const std::vector<std::pair<std::string, Change>> cases{
      {"name: ", [](auto& s) { s.name = "a,b"; }},
      {"name: ", [](auto& s) { s.name = ""; }},
      {"cpus: ", [](auto& s) { s.cpus = 0; }},
      {"cpus: ", [](auto& s) { s.cpus = 256; }},
      {"memory: ", [](auto& s) { s.memory = ByteCount{kMiB + 1}; }},
      {"memory: ", [](auto& s) { s.memory = ByteCount{0}; }},
      {"vsock_cid: ", [](auto& s) { s.vsock_cid = 2; }},
      {"firmware: ", [](auto& s) { s.firmware.reset(); }},
      {"firmware.code: ", [](auto& s) { s.firmware->code = "code.fd"; }},
      {"firmware.vars: ", [](auto& s) { s.firmware->vars = "/a,b"; }},
      {"kernel.image: ", [](auto& s) { s.kernel = Kernel{"/a\nb"}; }},
      {"kernel.command_line: ",
       [](auto& s) {
         s.kernel = Kernel{"/a", "", "a,b"};
       }},
      {"tpm.state_dir: ", [](auto& s) { s.tpm->state_dir = "/a,b"; }},
      {"cloud_init.image: ",
       [](auto& s) {
         s.cloud_init = CloudInit{"x", "", ""};
       }},
      {"disks[1].path: ", [](auto& s) { s.disks[1].path = "/a,b"; }},
      {"disks[1].path: ", [](auto& s) { s.disks[1].path = "/a\x7f"; }},
      {"disks[1].path: ", [](auto& s) { s.disks[1].path = "/\xff"; }},
      {"disks[1].copy_of: ", [](auto& s) { s.disks[1].copy_of = "a"; }},
      {"disks[1].size: ", [](auto& s) { s.disks[1].size = ByteCount{513}; }},
      {"disks[1].serial: ", [](auto& s) { s.disks[1].serial = "a,b"; }},
      {"disks[1].serial: ", [](auto& s) { s.disks[1].serial = std::string(21, 'a'); }},
      {"disks[1].slot: ", [](auto& s) { s.disks[1].slot = 5; }},
      {"disks[1].block_size: ", [](auto& s) { s.disks[1].block_size = 1024; }},
      {"disks[1].attach: ",
       [](auto& s) {
         s.disks[1].kind = DiskKind::kCdrom;
         s.disks[1].attach = Attach::kNvme;
       }},
      {"disks[1].read_only: ",
       [](auto& s) {
         s.disks[1].read_only = true;
         s.disks[1].attach = Attach::kIde;
       }},
      {"nics[1].id: ", [](auto& s) { s.nics[1].id = "nic0"; }},
      {"nics[1].id: ", [](auto& s) { s.nics[1].id = "a,b"; }},
      {"nics[1]: ", [](auto& s) { s.nics[1].device = "e1000,x"; }},
      {"nics[1]: ", [](auto& s) { s.nics[1].mac = "x,y"; }},
      {"nics[1].rom: ",
       [](auto& s) {
         s.nics[1].rom = {OptionRom::From::kFile, "/a,b"};
       }},
      {"nics[1].ifname: ",
       [](auto& s) {
         s.nics[1].network = TapNetwork{"a,b", {}};
       }},
      {"nics[1].forwards: ",
       [](auto& s) {
         s.nics[1].network = UserNetwork{{{Protocol::kTcp, {}, 0, {}, 1}}};
       }},
      {"nics[1]: slot 31", [](auto& s) { s.nics[1].slot = 31; }},
      {"nics[1]: slot 3 is taken", [](auto& s) { s.nics[0].slot = s.nics[1].slot = 3; }},
      {"nics[1]: bootindex 3 is taken",
       [](auto& s) { s.disks[0].bootindex = s.nics[1].bootindex = 3; }},
      {"disks: there is room for 6 on ide",
       [](auto& s) {
         s.disks.resize(7, small_disk("x"));
         for (Disk& disk : s.disks) {
           disk.attach = Attach::kIde;
         }
       }},
      {"disks: there is room for 23",
       [](auto& s) {
         s.disks.resize(22, small_disk("x"));
         for (Disk& disk : s.disks) {
           disk.attach = Attach::kVirtio;
         }
       }},
  };
  for (const auto& [field, change] : cases) {
    CAPTURE(field);
    MachineSpec spec = full_machine();
    change(spec);
    const Status good = check_spec(spec);
    REQUIRE_FALSE(good.has_value());
    CHECK(good.error().code() == Errc::kManifest);
    CHECK_THAT(good.error().message(), Catch::StartsWith(field));
  }
}
