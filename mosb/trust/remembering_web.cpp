#include "mosb/trust/remembering_web.h"

#include <utility>

namespace mosb::trust {

std::optional<Result<WebAnswer>> RememberingWeb::find(const Question& question) {
  const std::lock_guard lock(mutex_);
  const auto known = answers_.find(question);
  return known == answers_.end() ? std::nullopt : std::optional(known->second);
}

Result<WebAnswer> RememberingWeb::keep(const Question& question, Result<WebAnswer> answer) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t size = answer ? answer->bytes.size() : 0;
  if (held_ + size > most_.value) {
    return answer;
  }
  // Of two threads that asked at the same time the first one's answer is everybody's.
  const auto [kept, is_new] = answers_.try_emplace(question, std::move(answer));
  held_ += is_new ? size : 0;
  return kept->second;
}

Result<WebAnswer> RememberingWeb::ask(const WebRequest& request) {
  const Question question{request.url,
                          request.content ? std::optional(request.content->bytes) : std::nullopt,
                          request.max_answer.value};
  if (auto known = find(question)) {
    return *std::move(known);
  }
  return keep(question, web_.ask(request));
}

}  // namespace mosb::trust
