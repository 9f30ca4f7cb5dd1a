#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "mosb/trust/web.h"

namespace mosb::test {

/// A trust::Web that answers as a test says, one request after the other, and remembers what it was
/// asked.
class ScriptedWeb final : public trust::Web {
 public:
  using Answer = std::function<Result<trust::WebAnswer>(const trust::WebRequest&)>;
  explicit ScriptedWeb(Answer answer) : answer_(std::move(answer)) {}

  Result<trust::WebAnswer> ask(const trust::WebRequest& request) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    return answer_(request);
  }
  const std::vector<trust::WebRequest>& requests() const { return requests_; }

 private:
  std::mutex mutex_;
  Answer answer_;
  std::vector<trust::WebRequest> requests_;
};

}  // namespace mosb::test
