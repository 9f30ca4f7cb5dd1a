#include "verity/watchdog.h"

#include <algorithm>
#include <thread>

namespace mosb::verity {

namespace {

bool is_busy(std::uint64_t count) {
  return count % 2 == 1;
}

}  // namespace

Watchdog::Watchdog(unsigned workers, std::chrono::milliseconds tick, unsigned patience_ticks)
    : tick_(tick), patience_(patience_ticks) {
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(parked_));
  }
}

void Watchdog::Worker::begin() {
  ++count_;
  // Sequentially consistent on both sides: either this sees parked_, or the watchdog, which looks
  // again after setting it, sees the new count.
  if (parked_.load()) {
    parked_ = false;
    parked_.notify_one();
  }
}

bool Watchdog::any_busy() const {
  return std::ranges::any_of(workers_, [](const auto& w) { return is_busy(w->count()); });
}

void Watchdog::park_while_idle() {
  parked_ = true;
  if (any_busy()) {
    parked_ = false;
    return;
  }
  parked_.wait(true);
}

void Watchdog::wait_until_stuck() {
  struct Seen {
    std::uint64_t count = 0;
    unsigned ticks = 0;
  };
  std::vector<Seen> seen(workers_.size());
  for (;;) {
    if (!any_busy()) {
      park_while_idle();
    }
    std::this_thread::sleep_for(tick_);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      const std::uint64_t count = workers_[i]->count();
      const bool same = is_busy(count) && count == seen[i].count;
      seen[i] = {.count = count, .ticks = same ? seen[i].ticks + 1 : 0};
      if (seen[i].ticks >= patience_) {
        return;
      }
    }
  }
}

}  // namespace mosb::verity
