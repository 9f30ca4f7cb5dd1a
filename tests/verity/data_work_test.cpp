#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/block_cache.h"
#include "verity/fault_log.h"
#include "verity/parallel.h"
#include "verity/squashfs_tree.h"
#include "verity/watchdog.h"

namespace mosb::verity {

TEST_CASE("parallel work does every item once and reports the lowest failure", "[verity]") {
  std::mutex mutex;
  std::multiset<std::uint64_t> done;
  const auto work = [&](std::uint64_t bad) {
    done.clear();
    return for_each_parallel(1000, [&] {
      return [&, bad](std::uint64_t i) -> Status {
        const std::lock_guard lock(mutex);
        done.insert(i);
        if (i >= bad) {
          return Error(Errc::kVerity, "item " + std::to_string(i));
        }
        return ok();
      };
    });
  };
  REQUIRE(work(1000));
  CHECK(done.size() == 1000);
  CHECK(std::set(done.begin(), done.end()).size() == 1000);
  const Status failed = work(321);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "item 321");
  CHECK(for_each_parallel(0, [] { return [](std::uint64_t) { return ok(); }; }));
}

TEST_CASE("a block that several ask for at once is made once", "[verity]") {
  BlockCache cache(1 << 20);
  std::atomic<int> made{0};
  const auto bytes = std::make_shared<const std::vector<std::byte>>(100, std::byte{7});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const CachedBlock block = cache.get(42, [&]() -> CachedBlock {
          ++made;
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
          return {.owner = bytes, .bytes = *bytes};
        });
        if (block.bytes.size() != 100) {
          made = 1000;
        }
      });
    }
  }
  CHECK(made == 1);
}

TEST_CASE("a block cache keeps what was used last and no more than it may", "[verity]") {
  BlockCache cache(250);
  const auto bytes = std::make_shared<const std::vector<std::byte>>(100);
  int made = 0;
  const auto get = [&](std::uint64_t place) {
    cache.get(place, [&]() -> CachedBlock {
      ++made;
      return {.owner = bytes, .bytes = *bytes};
    });
  };
  get(1);
  get(2);
  get(1);
  CHECK(made == 2);
  get(3);  // puts 2 out
  get(1);
  CHECK(made == 3);
  get(2);
  CHECK(made == 4);
  // A failure is not kept.
  CHECK(cache.get(9, [] { return CachedBlock{}; }).owner == nullptr);
  get(9);
  CHECK(made == 5);
}

TEST_CASE("a worker that stays at one request is noticed, one that goes on is not", "[verity]") {
  Watchdog watchdog(2, std::chrono::milliseconds(20), 10);
  std::atomic<bool> noticed{false};
  std::atomic<bool> finished{false};
  std::jthread dog([&] {
    watchdog.wait_until_stuck();
    noticed = true;
    finished = true;
    finished.notify_all();
  });
  std::chrono::steady_clock::duration longest{};
  for (int i = 0; i < 300; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    watchdog.worker(0).begin();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    watchdog.worker(0).end();
    longest = std::max(longest, std::chrono::steady_clock::now() - begin);
  }
  // On a host so busy that one of these took that long, being noticed is right.
  if (longest < std::chrono::milliseconds(150)) {
    CHECK_FALSE(noticed);
  }
  // Idle long enough for it to sleep for good, then stuck: it must wake up.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  watchdog.worker(1).begin();
  finished.wait(false);
  CHECK(noticed);
}

TEST_CASE("a bad block is logged once, and the log is bounded", "[verity]") {
  const auto file = sys::memfd("log");
  REQUIRE(file);
  FaultLog log(file->get());
  log.record({.kind = BlockFault::Kind::kCorrupt, .block = 7});
  log.record({.kind = BlockFault::Kind::kCorrupt, .block = 7});
  log.record({.kind = BlockFault::Kind::kUnreadable, .block = 3});
  const std::string path = "/proc/self/fd/" + std::to_string(file->get());
  const auto text = read_named_file(path, ByteCount{kMiB});
  REQUIRE(text);
  CHECK(*text == "corrupt block 7\nunreadable block 3\n");
  for (std::uint64_t block = 100; block < 5000; ++block) {
    log.record({.kind = BlockFault::Kind::kCorrupt, .block = block});
  }
  const auto all = read_named_file(path, ByteCount{kMiB});
  REQUIRE(all);
  CHECK(split(*all, '\n').size() == FaultLog::kMaxLines + 1);  // the last line ends
}

TEST_CASE("owners outside the range become nobody", "[verity]") {
  const IdShift ids{.uid_base = 536870912, .gid_base = 536936448, .count = 65536};
  CHECK(ids.uid(0) == 536870912);
  CHECK(ids.gid(1000) == 536937448);
  CHECK(ids.uid(65535) == 536936447);
  CHECK(ids.uid(65536) == 536870912 + 65534);
  CHECK(ids.gid(UINT32_MAX) == 536936448 + 65534);
}

}  // namespace mosb::verity
