#include "mosb/trust/distinguished_name.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "mosb/base/hex.h"
#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";
constexpr std::string_view kEscapable = " \"#+,;<=>\\";

Error refuse(std::string_view name, const std::string& why) {
  return Error(Errc::kPolicy, "distinguished name " + quote(name) + " " + why);
}

/// Without the spaces around it; one that is escaped at the end stays.
std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) {
    return "";
  }
  std::size_t end = text.find_last_not_of(kSpaces) + 1;
  std::size_t backslashes = 0;
  while (backslashes < end - first && text[end - 1 - backslashes] == '\\') {
    ++backslashes;
  }
  if (backslashes % 2 == 1 && end < text.size() && text[end] == ' ') {
    ++end;
  }
  return text.substr(first, end - first);
}

/// Two hex digits of either case as one byte.
std::optional<char> hex_pair(std::string_view digits) {
  std::string lower(digits.substr(0, 2));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'F') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  const auto bytes = from_hex(lower);
  if (!bytes || bytes->size() != 1) {
    return std::nullopt;
  }
  return static_cast<char>(std::to_integer<unsigned char>(bytes->front()));
}

/// nullopt for an escape that is none.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    if (!rest.empty() && kEscapable.find(rest.front()) != std::string_view::npos) {
      out += rest.front();
      i += 1;
    } else if (const auto byte = hex_pair(rest)) {
      out += *byte;
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

struct Pair {
  std::string_view type, value;
  /// The separator that follows, 0 at the end.
  char separator = 0;
};

/// Takes the next "type=value" off the front of `rest`; nullopt if there is none.
std::optional<Pair> next_pair(std::string_view& rest) {
  std::optional<std::size_t> equals;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '=' && !equals) {
      equals = i;
    } else if (rest[i] == ',' || rest[i] == ';' || rest[i] == '+') {
      break;
    }
  }
  i = std::min(i, rest.size());
  if (!equals) {
    return std::nullopt;
  }
  const Pair pair{rest.substr(0, *equals),
                  rest.substr(*equals + 1, i - *equals - 1),
                  i < rest.size() ? rest[i] : '\0'};
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return pair;
}

}  // namespace

DistinguishedName::DistinguishedName(std::map<std::string, std::string> attributes)
    : attributes_(std::move(attributes)) {}

Result<DistinguishedName> DistinguishedName::parse(std::string_view text) {
  if (text.find("=#") != std::string_view::npos) {
    return refuse(text, "contains \"=#\", which is not supported");
  }
  std::map<std::string, std::string> attributes;
  std::string_view rest = trim(text);
  for (char separator = ','; separator != 0;) {
    const auto pair = next_pair(rest);
    const auto type = pair ? unescape(trim(pair->type)) : std::nullopt;
    const auto value = pair ? unescape(trim(pair->value)) : std::nullopt;
    if (!type || type->empty() || !value) {
      return refuse(text, "does not follow RFC 4514: a type=value pair is incomplete or malformed");
    }
    separator = pair->separator;
    if (separator == '+') {
      return refuse(text, "has a multi-valued RDN, which is not supported");
    }
    const std::string name = *type == "S" ? "ST" : *type;
    if (!attributes.emplace(name, *value).second) {
      return refuse(text, "has more than one attribute " + quote(name));
    }
  }
  return from_attributes(std::move(attributes)).context("identity " + quote(text));
}

Result<DistinguishedName> DistinguishedName::from_attributes(
    std::map<std::string, std::string> attributes) {
  for (const char* const required : {"C", "ST", "O"}) {
    const auto it = attributes.find(required);
    if (it == attributes.end() || it->second.empty()) {
      return Error(Errc::kPolicy,
                   std::string("there is no attribute '") + required +
                       "'; a distinguished name needs C, ST and O");
    }
  }
  return DistinguishedName(std::move(attributes));
}

bool DistinguishedName::is_subset_of(const DistinguishedName& other) const {
  return std::includes(
      other.attributes_.begin(), other.attributes_.end(), attributes_.begin(), attributes_.end());
}

}  // namespace mosb::trust
