#include "mosb/trust/go_json.h"

#include <array>
#include <string_view>
#include <utility>

namespace mosb::trust {

namespace {

/// Outside strings JSON has none of these characters, so the text can be searched as it is.
std::string escape_as_go(std::string text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kEscapes{
      {{"<", "\\u003c"},
       {">", "\\u003e"},
       {"&", "\\u0026"},
       {"\u2028", "\\u2028"},
       {"\u2029", "\\u2029"}}};
  for (const auto& [from, to] : kEscapes) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

}  // namespace

std::string print_go_json(const Json& value) {
  return escape_as_go(value.dump());
}

std::string print_go_json(const OrderedJson& value) {
  return escape_as_go(value.dump());
}

}  // namespace mosb::trust
