#include "mosb/manifest/problem.h"

#include "mosb/base/text.h"

namespace mosb::manifest {

std::string to_string(const Problem& problem) {
  std::string text = std::to_string(problem.line) + ":" + std::to_string(problem.column) + ": ";
  if (!problem.field.empty()) {
    text += escape(problem.field) + ": ";
  }
  text += escape(problem.message);
  if (!problem.suggestion.empty()) {
    text += "; did you mean " + quote(problem.suggestion) + "?";
  }
  return text;
}

}  // namespace mosb::manifest
