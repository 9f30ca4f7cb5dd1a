#include "mosb/cli/progress_bars.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace mosb::cli {

namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr double kMega = 1e6;
/// Clears the rest of the line (ECMA-48).
constexpr char kClear[] = "\x1b[K";

double seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string ProgressBars::line(const Bar& bar, Time now) {
  constexpr int kCells = 24;
  const double part = bar.total.value == 0 ? 1
                                           : static_cast<double>(bar.done.value) /
                                                 static_cast<double>(bar.total.value);
  const int filled = static_cast<int>(part * kCells);
  const double taken = std::max(seconds((bar.finished() ? bar.ended : now) - bar.started), 0.001);
  const double rate = static_cast<double>(bar.done.value) / taken;
  std::array<char, 128> text{};
  (void)std::snprintf(text.data(),
                      text.size(),
                      "%s [%.*s%*s] %3d %%  %.1f MB  %.1f MB/s",
                      bar.blob.c_str(),
                      filled,
                      "########################",
                      kCells - filled,
                      "",
                      static_cast<int>(part * 100),
                      static_cast<double>(bar.total.value) / kMega,
                      rate / kMega);
  std::string out = text.data();
  if (!bar.finished() && rate > 0) {
    const double left = static_cast<double>(bar.total.value - bar.done.value) / rate;
    constexpr double kLongest = 359'999;  // 100 hours
    const auto whole = static_cast<std::uint64_t>(std::min(left + 0.5, kLongest));
    (void)std::snprintf(text.data(),
                        text.size(),
                        "  %02u:%02u left",
                        static_cast<unsigned>(whole / 60),
                        static_cast<unsigned>(whole % 60));
    out += text.data();
  }
  return out;
}

std::string ProgressBars::update(const std::string& blob,
                                 ByteCount done,
                                 ByteCount total,
                                 Time now) {
  auto it = std::find_if(bars_.begin(), bars_.end(), [&](const Bar& b) { return b.blob == blob; });
  if (it == bars_.end()) {
    it = bars_.insert(bars_.end(), Bar{blob, {}, total, now, now});
  }
  it->done = done;
  it->ended = now;
  if (!it->finished() && now - drawn_ < kRedraw) {
    return "";
  }
  drawn_ = now;
  std::string out;
  if (shown_ > 0) {
    out += "\x1b[" + std::to_string(shown_) + "A";
  }
  // Finished ones go to the top, where they are not drawn again.
  std::stable_partition(bars_.begin(), bars_.end(), [](const Bar& b) { return b.finished(); });
  for (const Bar& bar : bars_) {
    out += "\r" + line(bar, now) + kClear + "\n";
  }
  bars_.erase(bars_.begin(),
              std::find_if(bars_.begin(), bars_.end(), [](const Bar& b) { return !b.finished(); }));
  shown_ = bars_.size();
  return out;
}

}  // namespace mosb::cli
