#include "mosb/agent/step.h"

#include <algorithm>

namespace mosb::agent {

std::string to_string(const Step& step) {
  constexpr std::size_t kWidth = 8;
  std::string text = step.action;
  text.resize(std::max(kWidth, text.size()), ' ');
  text += " " + step.object;
  return step.reason.empty() ? text : text + ": " + step.reason;
}

}  // namespace mosb::agent
