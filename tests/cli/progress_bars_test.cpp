#include "mosb/cli/progress_bars.h"

#include <catch2/catch.hpp>

using namespace mosb;
using namespace std::chrono_literals;
using mosb::cli::ProgressBars;

namespace {

constexpr ProgressBars::Time kStart{1000s};
constexpr ByteCount kTotal{100'000'000};

ByteCount mega(std::uint64_t count) {
  return ByteCount{count * 1'000'000};
}

}  // namespace

TEST_CASE("a blob's bar shows its share, size, rate and the time left", "[cli]") {
  ProgressBars bars;
  (void)bars.update("aaaa", mega(0), kTotal, kStart);
  CHECK(bars.update("aaaa", mega(25), kTotal, kStart + 5s) ==
        "\x1b[1A\raaaa [######                  ]  25 %  100.0 MB  5.0 MB/s  00:15 left\x1b[K\n");
  CHECK(bars.update("aaaa", kTotal, kTotal, kStart + 10s) ==
        "\x1b[1A\raaaa [########################] 100 %  100.0 MB  10.0 MB/s\x1b[K\n");
}

TEST_CASE("blobs that are fetched at the same time have a line each, finished ones stay", "[cli]") {
  ProgressBars bars;
  (void)bars.update("aaaa", mega(10), kTotal, kStart);
  const std::string both = bars.update("bbbb", mega(50), kTotal, kStart + 1s);
  CHECK(both.compare(0, 6, "\x1b[1A\ra") == 0);
  CHECK(both.find("\n\rbbbb") != std::string::npos);
  // The finished one goes up; one line is left to draw anew.
  const std::string finished = bars.update("bbbb", kTotal, kTotal, kStart + 2s);
  CHECK(finished.compare(0, 9, "\x1b[2A\rbbbb") == 0);
  CHECK(finished.find("\n\raaaa") != std::string::npos);
  const std::string last = bars.update("aaaa", kTotal, kTotal, kStart + 3s);
  CHECK(last.compare(0, 9, "\x1b[1A\raaaa") == 0);
  CHECK(last.find("bbbb") == std::string::npos);
}

TEST_CASE("bars are not drawn more often than anybody can see, but always at the end", "[cli]") {
  ProgressBars bars;
  CHECK_FALSE(bars.update("aaaa", mega(1), kTotal, kStart).empty());
  CHECK(bars.update("aaaa", mega(2), kTotal, kStart + 99ms).empty());
  CHECK_FALSE(bars.update("aaaa", mega(3), kTotal, kStart + 100ms).empty());
  CHECK_FALSE(bars.update("aaaa", kTotal, kTotal, kStart + 101ms).empty());
}

TEST_CASE("a blob that hardly moves has a bounded time left", "[cli]") {
  ProgressBars bars;
  (void)bars.update("aaaa", ByteCount{0}, ByteCount{~std::uint64_t{0}}, kStart);
  const std::string text =
      bars.update("aaaa", ByteCount{1}, ByteCount{~std::uint64_t{0}}, kStart + 1s);
  CHECK(text.find("5999:59 left") != std::string::npos);
}
