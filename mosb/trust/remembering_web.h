#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "mosb/base/byte_count.h"
#include "mosb/trust/web.h"

namespace mosb::trust {

/// Asks each question once and gives the same answer from then on, a failure included: whoever
/// judges twice judges by the same facts, and a silent server is waited for once. May be used by
/// several threads.
class RememberingWeb final : public Web {
 public:
  /// `web` must outlive it. Of what was answered at most `most` is kept; beyond that, only
  /// failures.
  explicit RememberingWeb(Web& web, ByteCount most = ByteCount{64 * kMiB})
      : web_(web), most_(most) {}

  Result<WebAnswer> ask(const WebRequest& request) override;

 private:
  /// URL, what was posted, the most that may be answered.
  using Question = std::tuple<std::string, std::optional<std::string>, std::uint64_t>;

  std::optional<Result<WebAnswer>> find(const Question& question);
  Result<WebAnswer> keep(const Question& question, Result<WebAnswer> answer);

  Web& web_;
  const ByteCount most_;
  std::mutex mutex_;
  std::uint64_t held_ = 0;
  std::map<Question, Result<WebAnswer>> answers_;
};

}  // namespace mosb::trust
