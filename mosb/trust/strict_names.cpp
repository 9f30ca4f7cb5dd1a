#include "mosb/trust/strict_names.h"

#include <algorithm>
#include <string>

#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

/// As Go's encoding/json folds names: ASCII, and the two letters outside it that fold into it.
std::string fold(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.substr(0, 2) == "\u017f") {  // long s
      out += 's';
      i += 1;
    } else if (rest.substr(0, 3) == "\u212a") {  // Kelvin sign
      out += 'k';
      i += 2;
    } else {
      const char c = rest.front();
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return out;
}

}  // namespace

Status refuse_miscased_names(const Json& object, std::span<const std::string_view> known) {
  if (!object.is_object()) {
    return ok();
  }
  for (const auto& item : object.items()) {
    const std::string& name = item.key();
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      continue;
    }
    const std::string folded = fold(name);
    for (const std::string_view right : known) {
      if (folded == fold(right)) {
        return Error(Errc::kContent,
                     "member " + quote(name) + " must be spelt " + quote(std::string(right)));
      }
    }
  }
  return ok();
}

}  // namespace mosb::trust
