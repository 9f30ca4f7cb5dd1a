#include "mosb/cli/key_value.h"

#include "mosb/base/text.h"

namespace mosb::cli {

Result<std::map<std::string, std::string>> parse_key_values(const std::string& flag,
                                                            const std::vector<std::string>& texts) {
  std::map<std::string, std::string> values;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return Error(Errc::kUsage, flag + " " + quote(text) + " is not KEY=VALUE");
    }
    values[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return values;
}

}  // namespace mosb::cli
