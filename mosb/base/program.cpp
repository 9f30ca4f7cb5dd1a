#include "mosb/base/program.h"

#include <algorithm>

#include <unistd.h>

#include "mosb/base/text.h"

namespace mosb {

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return name;
  }
  for (const char* dir :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    std::string path = std::string(dir) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return Error(Errc::kNotFound, "program " + quote(name) + " is not installed");
}

std::vector<std::string> program_environment() {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
}

std::string last_line(std::string_view text) {
  const std::vector<std::string> lines = split(text, '\n');
  const auto last = std::find_if(
      lines.rbegin(), lines.rend(), [](const std::string& line) { return !line.empty(); });
  return last == lines.rend() ? "" : *last;
}

}  // namespace mosb
