#include "mosb/agent/machine_published.h"

#include <algorithm>

#include "mosb/agent/machine_disks.h"
#include "mosb/base/file.h"

namespace mosb::agent {

Result<std::vector<PublishedPort>> read_published(const manifest::Machine& machine,
                                                  const std::string& home) {
  const bool wanted = std::any_of(
      machine.nics.begin(), machine.nics.end(), [](const auto& nic) { return nic.forward_auto; });
  if (!wanted || machine.manifest.empty()) {
    return std::vector<PublishedPort>{};
  }
  const std::string path = MOSB_TRY(absolute_path(machine.manifest, home));
  const std::string text = MOSB_TRY(read_named_file(path, manifest::kMaxManifestSize)
                                        .context("config.manifest")
                                        .as(Errc::kManifest));
  return published_ports(MOSB_TRY(manifest::parse(text, path)));
}

}  // namespace mosb::agent
