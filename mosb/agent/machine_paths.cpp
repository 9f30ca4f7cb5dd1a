#include "mosb/agent/machine_paths.h"

#include "mosb/base/digest.h"

namespace mosb::agent {

namespace {

std::string run_dir(const Paths& paths, const std::string& name) {
  std::string plain = paths.run() + "/machines/" + name;
  if (plain.size() <= kvm::RuntimeFiles::kMaxDir) {
    return plain;
  }
  return "/run/mosb/m/" + Digest::of(plain).hex().substr(0, 32);
}

}  // namespace

MachinePaths::MachinePaths(const Paths& paths, const std::string& name)
    : dir_(all(paths) + "/" + name),
      run_dir_(agent::run_dir(paths, name)),
      log_(paths.log() + "/machines/" + name + ".log") {}

std::string MachinePaths::all(const Paths& paths) {
  return paths.lib() + "/machines";
}

}  // namespace mosb::agent
