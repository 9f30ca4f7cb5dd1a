#include "mosb/base/proc_status.h"

#include "mosb/base/text.h"

namespace mosb {

std::string squeeze_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n') {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  return out;
}

std::map<std::string, std::string> parse_proc_status(std::string_view text) {
  std::map<std::string, std::string> fields;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      continue;
    }
    std::string value = squeeze_blanks(line.substr(colon + 1));
    const auto [field, is_new] = fields.emplace(line.substr(0, colon), value);
    if (!is_new) {
      field->second += " " + value;
    }
  }
  return fields;
}

}  // namespace mosb
