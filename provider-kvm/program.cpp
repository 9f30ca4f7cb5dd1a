#include "provider-kvm/program.h"

#include <unistd.h>

#include "mosb/base/text.h"

namespace mosb::kvm {

Result<std::string> find_program(const std::string& name) {
  for (const char* dir :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    std::string path = std::string(dir) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return Error(Errc::kHost, "program " + quote(name) + " is not installed");
}

std::vector<std::string> program_environment() {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
}

}  // namespace mosb::kvm
