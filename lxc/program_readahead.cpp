#include "lxc/program_readahead.h"

#include <algorithm>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// Of a larger program nobody can tell which part is needed first.
constexpr off_t kMost = 2 << 20;

/// Where the program may be, as mosb-init will look for it.
std::vector<std::string> candidates(const ContainerProcess& process) {
  const std::string& name = process.argv[0];
  if (name.find('/') != std::string::npos) {
    return {name[0] == '/' ? name : process.cwd + "/" + name};
  }
  constexpr std::string_view kPath = "PATH=";
  std::vector<std::string> paths;
  for (const std::string& variable : process.env) {
    if (variable.compare(0, kPath.size(), kPath) != 0) {
      continue;
    }
    for (const std::string& dir : split(std::string_view(variable).substr(kPath.size()), ':')) {
      if (!dir.empty() && dir[0] == '/') {
        paths.push_back(dir + "/" + name);
      }
    }
    break;
  }
  return paths;
}

}  // namespace

void read_program_ahead(const ContainerSpec& spec) {
  const auto root = sys::open(spec.rootfs, O_PATH | O_DIRECTORY);
  if (!root || spec.process.argv.empty()) {
    return;
  }
  for (const std::string& path : candidates(spec.process)) {
    // Symlinks of the image end inside of it; a pipe or device is opened without waiting, and left.
    const auto program = sys::openat2(root->get(),
                                      path.substr(1),
                                      O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (!program) {
      continue;
    }
    const auto st = sys::fstat(program->get(), path);
    if (st && S_ISREG(st->st_mode)) {
      (void)::readahead(program->get(), 0, static_cast<std::size_t>(std::min(st->st_size, kMost)));
    }
    return;
  }
}

}  // namespace mosb::lxc
