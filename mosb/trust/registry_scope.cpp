#include "mosb/trust/registry_scope.h"

#include <algorithm>
#include <cstddef>

namespace mosb::trust {

namespace {

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view label) {
  return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

/// Whether `test` holds for every part between separators.
template <class Test>
bool all_parts(std::string_view text, char separator, Test test) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (!test(text.substr(0, end))) {
      return false;
    }
    if (end == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(end + 1);
  }
}

bool is_domain(std::string_view domain) {
  const std::size_t colon = domain.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view port = domain.substr(colon + 1);
    if (port.empty() ||
        !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return false;
    }
  }
  return all_parts(domain.substr(0, colon), '.', is_label);
}

/// Between two runs of letters and digits: one dot, one or two underscores, or any number of
/// hyphens. Spec: OCI distribution 1.1 §Pulling manifests.
bool is_separator(std::string_view run) {
  return run == "." || run == "_" || run == "__" ||
         std::all_of(run.begin(), run.end(), [](char c) { return c == '-'; });
}

bool is_path_component(std::string_view component) {
  if (component.empty() || !is_lower_alnum(component.front()) ||
      !is_lower_alnum(component.back())) {
    return false;
  }
  for (std::size_t i = 0; i < component.size();) {
    std::size_t end = i;
    while (end < component.size() && !is_lower_alnum(component[end])) {
      ++end;
    }
    if (end > i && !is_separator(component.substr(i, end - i))) {
      return false;
    }
    i = end + 1;
  }
  return true;
}

}  // namespace

bool is_registry_scope(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_domain(text.substr(0, slash)) &&
         all_parts(text.substr(slash + 1), '/', is_path_component);
}

}  // namespace mosb::trust
