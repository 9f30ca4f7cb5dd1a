// The scanner as a process: what becomes of its caller when it fails, and what it may do.
#include "verity/layer_scanner.h"

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "tests/verity/scan_fixture.h"
#include "verity/server_sandbox.h"

namespace mosb::verity {

using namespace test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(ScanFixture,
                 "a scanner that hangs, dies or talks nonsense lets nothing pass",
                 "[scan]") {
  const LayerSource layer = ScanFixture::layer(squash());
  const auto outcome = [&](const std::string& script) {
    const auto scanned = scan_layer(layer, fake(script));
    REQUIRE_FALSE(scanned);
    CHECK(scanned.error().code() == Errc::kVerity);
    return scanned.error().message();
  };
  const auto begin = std::chrono::steady_clock::now();
  CHECK(has(outcome("echo passed 1 1 >&4; exec sleep 1000"), "in time"));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(has(outcome("echo passed 1 1 >&4; kill -SEGV $$"), "signal 11"));
  CHECK(has(outcome("echo passed 1 1 >&4; exit 1"), "failed"));
  CHECK(has(outcome("exit 0"), "no sense"));
  CHECK(has(outcome("echo passed >&4"), "no sense"));
  CHECK(has(outcome("yes passed 1 1 >&4"), "too much"));
  CHECK(has(outcome("exec 4>&-; exec sleep 1000"), "did not end"));
  CHECK(scan_layer(layer, fake("echo passed 1 1 >&4")));
  CHECK(scan_layer(layer, {.libexec_dir = "/not/there"}).error().code() == Errc::kHost);
}

TEST_CASE_METHOD(ScanFixture,
                 "the scanner has no privileges, no files and no other system calls",
                 "[scan]") {
  if (::geteuid() != 0) {
    std::printf("SKIP the scanner has no privileges: needs root\n");
    return;
  }
  const LayerSource layer = ScanFixture::layer(squash());
  // It stays at its last step as long as nobody takes its answer.
  sys::Pipe pipe = must(sys::pipe());
  REQUIRE(::fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK) == 0);
  const std::string filling(4096, 'x');
  while (::write(pipe.write.get(), filling.data(), filling.size()) > 0) {
  }
  REQUIRE(::fcntl(pipe.write.get(), F_SETFL, 0) == 0);
  const UniqueFd blob = must(sys::open(layer.blob_path, O_RDONLY));
  const UniqueFd secret = must(sys::open("/etc/shadow", O_RDONLY));
  Spawn what{.argv = {programs() + "/mosb-layer-scan",
                      "squashfs",
                      layer.root_hash.hex(),
                      std::to_string(layer.size.value)}};
  what.fds = {-1, -1, -1, blob.get(), pipe.write.get(), secret.get()};
  const Child child = must(spawn(what));
  pipe.write.reset();
  const std::string proc = "/proc/" + std::to_string(child.pid);
  const auto fact = [&](const std::string& name) {
    const std::string status = must(read_kernel_file(proc + "/status", ByteCount{kMiB}));
    const std::size_t at = status.find("\n" + name + ":\t");
    return at == std::string::npos
               ? std::string()
               : status.substr(at + name.size() + 3,
                               status.find('\n', at + 1) - at - name.size() - 3);
  };
  for (int i = 0; i < 500 && fact("Seccomp") != "2"; ++i) {
    ::usleep(10'000);
  }
  const std::string id = std::to_string(kServerId);
  CHECK(fact("Seccomp") == "2");
  CHECK(fact("NoNewPrivs") == "1");
  CHECK(fact("Uid") == id + "\t" + id + "\t" + id + "\t" + id);
  CHECK(fact("Gid") == id + "\t" + id + "\t" + id + "\t" + id);
  for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    CHECK(fact(set) == "0000000000000000");
  }
  std::size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
    CHECK(std::stoi(entry.path().filename()) <= ScannerFds::kAnswer);
    ++descriptors;
  }
  CHECK(descriptors == 5);
  const std::string limits = must(read_kernel_file(proc + "/limits", ByteCount{kMiB}));
  CHECK(has(limits, "Max cpu time              60"));
  CHECK(has(limits, "Max address space         536870912"));
  REQUIRE(sys::pidfd_send_signal(child.pidfd.get(), SIGKILL));
  CHECK(must(wait_for(child, 5s)).has_value());
}

TEST_CASE_METHOD(ScanFixture, "an ordinary user can have a layer scanned", "[scan]") {
  if (::geteuid() != 0) {
    std::printf("SKIP an ordinary user can have a layer scanned: needs root to be one\n");
    return;
  }
  const LayerSource layer = ScanFixture::layer(squash());
  const UniqueFd blob = must(sys::open(layer.blob_path, O_RDONLY));
  sys::Pipe pipe = must(sys::pipe());
  Spawn what{.argv = {programs() + "/mosb-layer-scan",
                      "squashfs",
                      layer.root_hash.hex(),
                      std::to_string(layer.size.value)},
             .user = 65'534};
  what.fds = {-1, -1, -1, blob.get(), pipe.write.get()};
  const Child child = must(spawn(what));
  pipe.write.reset();
  std::array<char, 256> answer{};
  const ssize_t n = ::read(pipe.read.get(), answer.data(), answer.size());
  CHECK(std::string(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))) ==
        "passed 1 0\n");
  CHECK(must(wait_for(child, 5s)) == 0);
}

TEST_CASE_METHOD(ScanFixture,
                 "what a block is used for is found, also in a damaged layer",
                 "[scan]") {
  directory("data");
  test::write_all(tree() + "/data/big", test::image_bytes(200, 1));
  test::write_all(tree() + "/data/other", test::image_bytes(200, 2));
  file("data/small1");
  file("data/small2");
  file("small3");
  const Image image = squash({"-noD"});
  const LayerSource layer = ScanFixture::layer(image);
  const std::uint64_t inodes = image.tables().inode_table / kBlockSize;
  const auto find = [&](std::vector<std::uint64_t> blocks) {
    return must(locate_blocks(layer, blocks, scanner()));
  };
  // Behind the two large files comes the fragment with the three small ones.
  const std::vector<BlockOwner> expected{{150, BlockOwner::Kind::kFiles, 1, "/data/big"},
                                         {350, BlockOwner::Kind::kFiles, 1, "/data/other"},
                                         {0, BlockOwner::Kind::kSuperblock, 0, ""},
                                         {inodes, BlockOwner::Kind::kInodes, 0, ""}};
  CHECK(find({150, 350, 0, inodes}) == expected);
  const BlockOwner shared = find({399}).front();
  CHECK(shared.kind == BlockOwner::Kind::kFiles);
  CHECK(shared.files >= 1);
  test::flip_bit(layer.blob_path, 150 * kBlockSize * 8);
  CHECK(find({150}).front().path == "/data/big");
  // With its inodes the way to the files is gone, but what they are is not.
  test::flip_bit(layer.blob_path, (image.tables().inode_table + 10) * 8);
  CHECK(find({inodes}).front().kind == BlockOwner::Kind::kInodes);
  CHECK(find({150}).front().kind == BlockOwner::Kind::kNobody);
  CHECK_FALSE(locate_blocks(layer, std::vector<std::uint64_t>{1'000'000}, scanner()));
}

}  // namespace mosb::verity
