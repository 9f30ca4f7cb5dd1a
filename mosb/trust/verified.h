#pragma once

#include <utility>

namespace mosb::trust {

/// A value that policy admitted: only admit() and admit_unverified() make one, so a function that
/// takes a Verified<T> cannot be given anything else.
template <class T>
class Verified {
 public:
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  friend class Admission;
  explicit Verified(T value) : value_(std::move(value)) {}

  T value_;
};

}  // namespace mosb::trust
