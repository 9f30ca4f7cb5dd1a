#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "tests/verity/data_fixture.h"
#include "tests/verity/server_fixture.h"
#include "verity/geometry.h"
#include "verity/server_sandbox.h"

namespace mosb::verity {

namespace {

using test::MadeLayer;
using test::RunningServer;

TempDir temp_dir() {
  auto dir = TempDir::make(test::scratch_parent(), "mosb-verity-");
  REQUIRE(dir);
  return *std::move(dir);
}

RunningServer::Start serving(const MadeLayer& layer) {
  return {
      .blob = layer.path, .size = layer.tree.file_size.value, .root_hash = layer.tree.root_hash};
}

/// A real squashfs image of some files with a hash tree, and the files.
MadeLayer make_real_layer(const std::string& dir) {
  const std::string tree = dir + "/tree";
  REQUIRE(sys::mkdir(tree, 0755));
  for (unsigned i = 0; i < 40; ++i) {
    test::write_all(tree + "/file" + std::to_string(i), test::image_bytes(1 + i * 3, i));
  }
  const std::string image = dir + "/layer";
  test::run({"mksquashfs", tree, image, "-quiet", "-no-progress", "-all-root"});
  const auto made = append_hash_tree(image);
  REQUIRE(made);
  return {.path = image, .tree = *made};
}

/// 0 wrong bytes: every block read is as it was or EIO. Returns the blocks that were EIO.
std::set<std::uint64_t> check_blocks(const std::string& path, const std::string& image) {
  std::set<std::uint64_t> bad;
  for (std::uint64_t at = 0; at < image.size(); at += kBlockSize) {
    const auto block = test::read_range(path, at, kBlockSize, true);
    if (block.error != 0) {
      REQUIRE(block.error == EIO);
      bad.insert(at / kBlockSize);
    } else {
      REQUIRE(block.bytes == image.substr(at, kBlockSize));
    }
  }
  return bad;
}

std::size_t lines(const std::string& file) {
  const std::string text = test::read_all(file);
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

std::string refusal(const RunningServer::Start& start) {
  RunningServer server(start);
  const auto status = server.wait(std::chrono::seconds(10));
  REQUIRE(status);
  CHECK(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) != 0);
  REQUIRE(server.report().starts_with("error "));
  CHECK(server.report().ends_with("\n"));
  CHECK(test::read_range(server.path(), 0, kBlockSize).error == ENOTCONN);
  return server.report();
}

}  // namespace

TEST_CASE("a layer server shows the image and gives up all power first", "[verity][kernel]") {
  if (!test::can_mount("a layer server shows the image")) {
    return;
  }
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 700;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");

  const std::string id = std::to_string(kServerId);
  const std::string ids = id + "\t" + id + "\t" + id + "\t" + id;
  CHECK(server.fact("Uid") == ids);
  CHECK(server.fact("Gid") == ids);
  CHECK(server.fact("Groups").empty());
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    CHECK(server.fact(set) == "0000000000000000");
  }
  CHECK(server.fact("Seccomp") == "2");
  CHECK(server.fact("NoNewPrivs") == "1");
  CHECK(server.fact("Threads") == "3");
  unsigned descriptors = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(server.pid()) + "/fd")) {
    ++descriptors;
  }
  CHECK(descriptors == 7);  // 0, 1, 2, the connection twice, blob, status

  const std::string image = test::image_bytes(kBlocks);
  struct stat st {};
  REQUIRE(::stat(server.path().c_str(), &st) == 0);
  CHECK(S_ISREG(st.st_mode));
  CHECK(static_cast<std::uint64_t>(st.st_size) == image.size());
  CHECK(test::read_whole(server.path()).bytes == image);
  std::mt19937_64 random(3);
  for (unsigned i = 0; i < 200; ++i) {
    const std::uint64_t at = random() % image.size();
    const std::size_t size = 1 + random() % (1 << 20);
    REQUIRE(test::read_range(server.path(), at, size).bytes == image.substr(at, size));
    const std::uint64_t block = at / kBlockSize * kBlockSize;
    REQUIRE(test::read_range(server.path(), block, kBlockSize * (1 + random() % 300), true)
                .bytes.starts_with(image.substr(block, kBlockSize)));
  }
  CHECK(::open(server.path().c_str(), O_RDWR | O_CLOEXEC) == -1);
  CHECK(lines(server.status_file()) == 0);
}

TEST_CASE("a layer server serves a kernel squashfs mount with the right files",
          "[verity][kernel]") {
  if (!test::can_mount("a layer server serves a kernel squashfs mount")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = make_real_layer(dir.path());
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");
  {
    const test::LoopSquashfs mount(server.path());
    test::run({"diff", "-r", dir.path() + "/tree", mount.path()});
  }
  server.unmount();
  const auto status = server.wait(std::chrono::seconds(20));
  REQUIRE(status);
  CHECK(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) == 0);
}

TEST_CASE("a block that goes bad under a mount is an error for its readers only",
          "[verity][kernel]") {
  if (!test::can_mount("a block that goes bad under a mount")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = make_real_layer(dir.path());
  RunningServer server(serving(layer));
  REQUIRE(server.report() == "ready\n");
  const test::LoopSquashfs mount(server.path());
  const std::string good = test::read_all(dir.path() + "/tree/file5");
  CHECK(test::read_whole(mount.path() + "/file5").bytes == good);
  // The last big file's data lie in the middle of the image; nobody has read them.
  const std::string victim = test::read_all(dir.path() + "/tree/file39");
  const std::string image = test::read_all(layer.path);
  const std::size_t at = image.find(victim.substr(200'000, 64));
  REQUIRE(at != std::string::npos);  // stored uncompressed: it is random
  test::flip_bit(layer.path, at * 8);
  const auto outcome = test::read_whole(mount.path() + "/file39");
  CHECK(outcome.error == EIO);
  CHECK(victim.starts_with(outcome.bytes));
  CHECK(test::read_all(server.status_file()) ==
        "corrupt block " + std::to_string(at / kBlockSize) + "\n");
  CHECK(test::read_whole(mount.path() + "/file6").bytes ==
        test::read_all(dir.path() + "/tree/file6"));
}

TEST_CASE("whatever bit of a layer is flipped, no wrong byte comes out", "[verity][kernel]") {
  if (!test::can_mount("whatever bit of a layer is flipped")) {
    return;
  }
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 300;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  const std::string image = test::image_bytes(kBlocks);
  const std::uint64_t size = layer.tree.file_size.value;
  const Geometry geometry = Geometry::of_data_blocks(kBlocks);
  std::mt19937_64 random(11);
  unsigned refused = 0;
  unsigned failed = 0;
  for (unsigned i = 0; i < 120; ++i) {
    // A third each in data, superblock's fields, tree.
    const std::uint64_t begins[] = {0, kBlocks * kBlockSize, (kBlocks + 1) * kBlockSize};
    const std::uint64_t ends[] = {kBlocks * kBlockSize, kBlocks * kBlockSize + 128, size};
    const std::uint64_t begin = begins[i % 3];
    const std::uint64_t bit = begin * 8 + random() % ((ends[i % 3] - begin) * 8);
    const std::uint64_t block = bit / 8 / kBlockSize;
    INFO("bit " << bit << " in block " << block);
    test::flip_bit(layer.path, bit);
    {
      RunningServer server(serving(layer));
      const std::uint64_t in_block = bit / 8 % kBlockSize;
      const bool uuid = block == kBlocks && in_block >= 16 && in_block < 32;
      if (server.report().starts_with("error ")) {
        ++refused;
        CHECK((block == 0 || block >= kBlocks));
        CHECK_FALSE(uuid);
      } else {
        REQUIRE(server.ready());
        const auto bad = check_blocks(server.path(), image);
        failed += bad.empty() ? 0U : 1U;
        CHECK(lines(server.status_file()) == bad.size());
        if (block < kBlocks) {
          CHECK(bad == std::set{block});
        } else if (block >= geometry.levels[0].first_block) {
          const std::uint64_t first = (block - geometry.levels[0].first_block) * kDigestsPerBlock;
          CHECK(bad.size() == std::min(kDigestsPerBlock, kBlocks - first));
          CHECK(*bad.begin() == first);
        } else {
          CHECK(uuid);
        }
      }
    }
    test::flip_bit(layer.path, bit);
  }
  CHECK(refused > 20);
  CHECK(failed > 20);
}

TEST_CASE("a layer that is not what was signed is refused before it is served",
          "[verity][kernel]") {
  if (!test::can_mount("a layer that is not what was signed is refused")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 300);
  const MadeLayer other = test::make_layer(dir.path() + "/other", 300, 2);
  const std::string good = test::read_all(layer.path);
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  RunningServer::Start start = serving(layer);
  start.root_hash = other.tree.root_hash;
  CHECK(has(refusal(start), "does not match the root hash"));
  start = serving(layer);
  start.size += kBlockSize;
  CHECK(has(refusal(start), "less than"));
  start.size -= 2 * kBlockSize;
  CHECK(has(refusal(start), "more than"));
  start.size += 1;
  CHECK(has(refusal(start), "not that of an image with a verity tree"));
  test::write_all(layer.path, good + std::string(kBlockSize, '\0'));
  CHECK(has(refusal(serving(layer)), "more than"));
  test::write_all(layer.path, good.substr(0, 250 * kBlockSize));
  CHECK(has(refusal(serving(layer)), "less than"));
  test::write_all(layer.path, good);
  test::patch(layer.path, 300 * kBlockSize + 72, std::string("\x2b\x01", 2));
  CHECK(has(refusal(serving(layer)), "says 299 data blocks"));
  // No squashfs image, and one that says it is shorter: both with good trees.
  test::write_all(layer.path, test::image_bytes(300));
  test::run({"truncate", "-s", "0", other.path});
  if (test::have("veritysetup", "trees over other things than squashfs images")) {
    const auto with_tree = [&](const std::string& image) {
      test::write_all(other.path, image);
      const std::string out = test::run({"veritysetup",
                                         "format",
                                         other.path,
                                         other.path,
                                         "--hash-offset=" + std::to_string(image.size())});
      const std::string hash = out.substr(out.find("Root hash:") + 10);
      const std::size_t begin = hash.find_first_not_of(" \t");
      const auto root = RootHash::parse(hash.substr(begin, 64));
      REQUIRE(root);
      RunningServer::Start made = serving(layer);
      made.blob = other.path;
      made.root_hash = *root;
      return refusal(made);
    };
    std::string image = test::image_bytes(300);
    image[0] = 'x';
    CHECK(has(with_tree(image), "neither a squashfs nor an erofs image"));
    image = test::image_bytes(300);
    image[42] = '\1';
    CHECK(has(with_tree(image), "says that the image has"));
  }
}

TEST_CASE("a layer file that is cut while it is served gives errors, not a crash",
          "[verity][kernel]") {
  if (!test::can_mount("a layer file that is cut while it is served")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 300);
  RunningServer server(serving(layer));
  REQUIRE(server.ready());
  test::run({"truncate", "-s", std::to_string(200 * kBlockSize + 9), layer.path});
  CHECK(test::read_range(server.path(), 250 * kBlockSize, kBlockSize, true).error == EIO);
  CHECK(test::read_range(server.path(), 200 * kBlockSize, kBlockSize, true).error == EIO);
  test::run({"truncate", "-s", "0", layer.path});
  CHECK(test::read_range(server.path(), 0, kBlockSize, true).error == EIO);
  CHECK_FALSE(server.wait(std::chrono::seconds(0)));
  CHECK(test::read_all(server.status_file()) ==
        "corrupt block 250\ncorrupt block 200\ncorrupt block 0\n");
}

TEST_CASE("a layer that is bad all over fills no disk with complaints", "[verity][kernel]") {
  if (!test::can_mount("a layer that is bad all over")) {
    return;
  }
  const TempDir dir = temp_dir();
  constexpr std::uint64_t kBlocks = 1300;
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", kBlocks);
  RunningServer server(serving(layer));
  REQUIRE(server.ready());
  test::patch(layer.path, 0, std::string(kBlocks * kBlockSize, 'x'));
  for (unsigned round = 0; round < 2; ++round) {
    CHECK(check_blocks(server.path(), test::image_bytes(kBlocks)).size() == kBlocks);
  }
  CHECK(lines(server.status_file()) == 1000);
}

TEST_CASE("a stopped layer server can be killed, and frees who waits for it", "[verity][kernel]") {
  if (!test::can_mount("a stopped layer server can be killed")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = make_real_layer(dir.path());
  RunningServer server(serving(layer));
  REQUIRE(server.ready());
  const test::LoopSquashfs mount(server.path());
  server.stop();
  std::atomic<int> error{-1};
  std::jthread reader([&] { error = test::read_whole(mount.path() + "/file30").error; });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(error == -1);
  REQUIRE(sys::pidfd_send_signal(server.pidfd(), SIGKILL));
  const auto status = server.wait(std::chrono::seconds(10));
  REQUIRE(status);
  CHECK(WIFSIGNALED(*status));
  reader.join();  // at the latest when the fixture's minute is over
  CHECK(error == EIO);
}

TEST_CASE("a layer server ends with its mount", "[verity][kernel]") {
  if (!test::can_mount("a layer server ends with its mount")) {
    return;
  }
  const TempDir dir = temp_dir();
  const MadeLayer layer = test::make_layer(dir.path() + "/layer", 5);
  RunningServer server(serving(layer));
  REQUIRE(server.ready());
  {
    const auto open = sys::open(server.path(), O_RDONLY);
    REQUIRE(open);
    server.unmount();
    CHECK_FALSE(server.wait(std::chrono::seconds(1)));  // still in use
  }
  const auto status = server.wait(std::chrono::seconds(10));
  REQUIRE(status);
  CHECK(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) == 0);
}

TEST_CASE("a layer server gives up on a disk that does not answer", "[verity][kernel]") {
  if (!test::can_mount("a layer server gives up on a disk that does not answer")) {
    return;
  }
  // The disk is a squashfs server that is stopped: its readers hang where not even SIGKILL counts.
  const TempDir dir = temp_dir();
  REQUIRE(sys::mkdir(dir.path() + "/tree", 0755));
  const MadeLayer inner = test::make_layer(dir.path() + "/tree/inner", 4000);
  const std::string image = dir.path() + "/outer";
  test::run({"mksquashfs", dir.path() + "/tree", image, "-quiet", "-no-progress", "-noD"});
  const auto outer = append_hash_tree(image);
  REQUIRE(outer);
  RunningServer disk({.kind = RunningServer::Kind::kSquashfs,
                      .blob = image,
                      .size = outer->file_size.value,
                      .root_hash = outer->root_hash,
                      .ids = {"0", "0", "65536"},
                      .time = std::chrono::seconds(100)});
  REQUIRE(disk.report() == "ready\n");
  RunningServer::Start start = serving(inner);
  start.blob = disk.path() + "/inner";
  start.time = std::chrono::seconds(100);
  RunningServer server(start);
  REQUIRE(server.report() == "ready\n");
  CHECK(test::read_range(server.path(), 0, kBlockSize, true).error == 0);
  disk.stop();
  const auto begin = std::chrono::steady_clock::now();
  const int error = test::read_range(server.path(), 3000 * kBlockSize, kBlockSize, true).error;
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK((error == ECONNABORTED || error == ENOTCONN || error == EIO));
  CHECK(took > std::chrono::seconds(20));
  // Its readers come first: what it says of itself follows.
  for (int i = 0; i < 500 && test::read_all(server.status_file()).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(test::read_all(server.status_file()) == "backing store does not answer\n");
  disk.kill();  // now the other one can end, too
  CHECK(server.wait(std::chrono::seconds(20)));
}

}  // namespace mosb::verity
