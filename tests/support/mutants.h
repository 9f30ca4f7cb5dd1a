#pragma once

// Put before each source by tests/mutants.py, which wraps the decisions in calls of what is here:
// one program then holds every mutant, and the environment chooses.

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

#include <unistd.h>

namespace mosb_mutants {

/// What can be changed about a decision; as a set, what would have made a difference.
enum Change : unsigned char { kFalse = 1, kTrue = 2, kBoundary = 4, kIgnored = 8 };

/// MOSB_MUTANT="NUMBER CHANGE": the one that is active. MOSB_MUTANTS_SEEN=FILE: where a process
/// writes at its end, one byte for each decision, which changes would have made a difference.
class State {
 public:
  static constexpr std::size_t kMost = 16384;

  State() : pid_(getpid()) {
    if (const char* const chosen = std::getenv("MOSB_MUTANT")) {
      if (std::sscanf(chosen, "%u %u", &number_, &change_) != 2) {
        std::abort();
      }
    }
  }
  ~State() {
    const char* const path = std::getenv("MOSB_MUTANTS_SEEN");
    // A child that ends has seen a part only.
    if (path == nullptr || pid_ != getpid()) {
      return;
    }
    if (std::FILE* const file = std::fopen(path, "wb")) {
      std::fwrite(seen_.data(), 1, seen_.size(), file);
      std::fclose(file);
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Whether the change is to be made, where it would make a difference.
  bool is_active(unsigned number, Change change) {
    seen_.at(number) |= change;
    return number_ == number && change_ == change;
  }

 private:
  pid_t pid_;
  unsigned number_ = kMost;
  unsigned change_ = 0;
  std::array<unsigned char, kMost> seen_{};
};

inline State& state() {
  static State the_state;
  return the_state;
}

/// A condition: always true, or always false.
constexpr bool decide(unsigned number, bool value) {
  if (std::is_constant_evaluated()) {
    return value;
  }
  return state().is_active(number, value ? kFalse : kTrue) ? !value : value;
}

/// A comparison whose limit is off by one: `other` is what it gives then.
constexpr bool limit(unsigned number, bool value, bool other) {
  if (std::is_constant_evaluated() || value == other) {
    return value;
  }
  return state().is_active(number, kBoundary) ? other : value;
}
template <class A, class B>
constexpr bool less(unsigned number, const A& a, const B& b) {
  return limit(number, a < b, a <= b);
}
template <class A, class B>
constexpr bool less_equal(unsigned number, const A& a, const B& b) {
  return limit(number, a <= b, a < b);
}
template <class A, class B>
constexpr bool greater(unsigned number, const A& a, const B& b) {
  return limit(number, a > b, a >= b);
}
template <class A, class B>
constexpr bool greater_equal(unsigned number, const A& a, const B& b) {
  return limit(number, a >= b, a > b);
}

/// A status that is passed on: success whatever it was.
template <class Status>
Status status(unsigned number, Status value) {
  if (!value && state().is_active(number, kIgnored)) {
    return Status({});
  }
  return value;
}

}  // namespace mosb_mutants
