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

// Each use has a variable of its own, so that one MOSB_TRY may stand inside another.
#define MOSB_JOIN_(a, b) a##b
#define MOSB_JOIN(a, b) MOSB_JOIN_(a, b)
#define MOSB_TRY_AS(expr, name)       \
  __extension__({                     \
    auto name = (expr);               \
    if (!name) {                      \
      return std::move(name).error(); \
    }                                 \
    *std::move(name);                 \
  })
#define MOSB_CHECK_AS(expr, name)     \
  do {                                \
    auto name = (expr);               \
    if (!name) {                      \
      return std::move(name).error(); \
    }                                 \
  } while (false)

/// The value of a Result expression, or returns its error from the enclosing function.
#define MOSB_TRY(expr) MOSB_TRY_AS(expr, MOSB_JOIN(mosb_try_, __COUNTER__))

/// The same for a Status, as a statement.
#define MOSB_CHECK(expr) MOSB_CHECK_AS(expr, MOSB_JOIN(mosb_try_, __COUNTER__))
