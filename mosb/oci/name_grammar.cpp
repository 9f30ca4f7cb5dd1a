#include "mosb/oci/name_grammar.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxTagLength = 128;
constexpr std::size_t kMaxRefNameLength = 255;
constexpr std::uint64_t kMaxPort = 65535;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool only(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || extra.find(c) != std::string_view::npos;
  });
}

/// One component: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) {
    return false;
  }
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_or_digit(text[i])) {
      ++i;
      continue;
    }
    const std::size_t end =
        std::min(text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i), text.size());
    const std::string_view separator = text.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") {
      return false;
    }
    i = end;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
         text.find(':') != std::string_view::npos;
}

bool is_domain(const std::string& text) {
  const std::vector<std::string> labels = split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    return !label.empty() && only(label, "-") && label.front() != '-' && label.back() != '-';
  });
}

}  // namespace

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTagLength && only(text, "._-") &&
         text.front() != '.' && text.front() != '-';
}

bool is_repository(const std::string& text) {
  const std::vector<std::string> components = split(text, '/');
  return std::all_of(components.begin(), components.end(), is_component);
}

bool is_host(const std::string& text) {
  std::size_t host_end = text.find(':');
  bool good = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    good = close != std::string::npos && is_ipv6(text.substr(1, close - 1)) &&
           (close + 1 == text.size() || text[close + 1] == ':');
    host_end =
        close == std::string::npos || close + 1 == text.size() ? std::string::npos : close + 1;
  } else {
    good = is_domain(text.substr(0, host_end));
  }
  return good && (host_end == std::string::npos ||
                  parse_uint(text.substr(host_end + 1), 1, kMaxPort).has_value());
}

bool is_ref_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRefNameLength && only(text, "-._:@/+") &&
         is_alphanumeric(text.front());
}

}  // namespace mosb::oci
