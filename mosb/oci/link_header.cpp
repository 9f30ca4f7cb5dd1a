#include "mosb/oci/link_header.h"

#include <string_view>

#include <strings.h>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxLinks = 16;

struct Link {
  std::string target;
  bool is_next = false;
};

void skip_space(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

/// A quoted string (without its quotes) or everything up to the next ';', ',' or '='.
bool take_word(std::string_view& text, std::string_view& word) {
  if (take(text, '"')) {
    const std::size_t end = text.find('"');
    if (end == std::string_view::npos) {
      return false;
    }
    word = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
  }
  const std::size_t end = std::min(text.size(), text.find_first_of(" \t;,="));
  word = text.substr(0, end);
  text.remove_prefix(end);
  return !word.empty();
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// rel holds relation types separated by spaces.
bool has_next(std::string_view rel) {
  for (const std::string& type : split(rel, ' ')) {
    if (same(type, "next")) {
      return true;
    }
  }
  return false;
}

/// "; name=value" any number of times.
bool take_parameters(std::string_view& text, Link& link) {
  bool seen_rel = false;  // only the first rel counts
  for (skip_space(text); take(text, ';'); skip_space(text)) {
    skip_space(text);
    std::string_view name;
    std::string_view value;
    if (!take_word(text, name)) {
      return false;
    }
    skip_space(text);
    if (take(text, '=')) {
      skip_space(text);
      if (!take_word(text, value)) {
        return false;
      }
    }
    if (same(name, "rel") && !seen_rel) {
      seen_rel = true;
      link.is_next = has_next(value);
    }
  }
  return true;
}

bool take_link(std::string_view& text, Link& link) {
  if (!take(text, '<')) {
    return false;
  }
  const std::size_t end = text.find('>');
  if (end == std::string_view::npos) {
    return false;
  }
  link.target = std::string(text.substr(0, end));
  text.remove_prefix(end + 1);
  return take_parameters(text, link);
}

}  // namespace

Result<std::optional<std::string>> next_link(const std::vector<std::string>& link_fields) {
  std::size_t count = 0;
  for (const std::string& field : link_fields) {
    std::string_view rest = field;
    for (skip_space(rest); !rest.empty(); skip_space(rest)) {
      Link link;
      if (++count > kMaxLinks || !take_link(rest, link) || (!rest.empty() && !take(rest, ','))) {
        return Error(Errc::kNetwork, "malformed Link header " + quote(field));
      }
      if (link.is_next) {
        return std::optional<std::string>(std::move(link.target));
      }
    }
  }
  return std::optional<std::string>();
}

}  // namespace mosb::oci
