#pragma once

#include <stdexcept>
#include <utility>

#include "mosb/base/result.h"

namespace mosb {

/// The value, or the end of the test with the error's text.
template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message());
  }
  return *std::move(result);
}
inline void must(const Status& status) {
  if (!status) {
    throw std::runtime_error(status.error().message());
  }
}

}  // namespace mosb
