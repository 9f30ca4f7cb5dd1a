#pragma once

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

  // `return value;` and `return error;` are the point.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  /// A value, not a reference into what is about to end: `for (auto& x : *f())` is safe.
  T operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// Asking for what is not there throws std::bad_variant_access in every build: a mistake of ours
  /// must end as an internal error, never as a value.
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T value() && { return std::get<0>(std::move(state_)); }
  const Error& error() const& { return std::get<1>(state_); }
  Error error() && { return std::get<1>(std::move(state_)); }

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
// NOLINTBEGIN(bugprone-macro-parentheses): `name` is declared here
#define MOSB_PASTE(a, b) a##b
#define MOSB_JOIN(a, b) MOSB_PASTE(a, b)
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
// NOLINTEND(bugprone-macro-parentheses)

/// The value of a Result expression, or returns its error from the enclosing function.
#define MOSB_TRY(expr) MOSB_TRY_AS(expr, MOSB_JOIN(mosb_try_, __COUNTER__))

/// The same for a Status, as a statement.
#define MOSB_CHECK(expr) MOSB_CHECK_AS(expr, MOSB_JOIN(mosb_try_, __COUNTER__))
