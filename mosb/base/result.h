#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

#include "mosb/base/error.h"

namespace mosb {

/// A value or the Error that stood in its way. Names follow std::expected, which g++ 12 lacks.
template <class T = std::monostate>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {
  }  // NOLINT(google-explicit-constructor): `return value;` is the point
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {
  }  // NOLINT(google-explicit-constructor): `return error;` is the point

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && { return std::move(value()); }
  const Error& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  /// Adds context to an error; a value passes unchanged. By value on purpose: MOSB_TRY binds a
  /// copy.
  Result context(const std::string& outer) && {
    if (!has_value()) {
      return std::move(*this).error().context(outer);
    }
    return std::move(*this);
  }
  /// Sets an error's class (see Error::as); a value passes unchanged.
  Result as(Errc code) && {
    if (!has_value()) {
      return std::move(*this).error().as(code);
    }
    return std::move(*this);
  }
  /// Adds a hint to an error; a value passes unchanged.
  Result with_hint(std::string hint) && {
    if (!has_value()) {
      return std::move(*this).error().with_hint(std::move(hint));
    }
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success or an Error.
using Status = Result<>;
inline Status ok() {
  return Status(std::monostate{});
}

}  // namespace mosb

/// The value of a Result expression, or returns its error from the enclosing function.
#define MOSB_TRY(expr)                     \
  __extension__({                          \
    auto mosb_try_ = (expr);               \
    if (!mosb_try_) {                      \
      return std::move(mosb_try_).error(); \
    }                                      \
    *std::move(mosb_try_);                 \
  })

/// The same for a Status, as a statement.
#define MOSB_CHECK(expr)                   \
  do {                                     \
    auto mosb_try_ = (expr);               \
    if (!mosb_try_) {                      \
      return std::move(mosb_try_).error(); \
    }                                      \
  } while (false)
