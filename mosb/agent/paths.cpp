#include "mosb/agent/paths.h"

#include <array>
#include <climits>

#include <unistd.h>

#include "mosb/agent/install_dirs.h"
#include "mosb/base/file.h"

namespace mosb::agent {

std::string libexec_dir() {
  std::array<char, PATH_MAX> self{};
  const ssize_t n = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  const std::string path(self.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::string beside = path.substr(0, path.rfind('/'));
  return path_exists(beside + "/mosb-init") ? beside : kLibexecDir;
}

}  // namespace mosb::agent
