#pragma once

#include <string>
#include <vector>

#include "mosb/agent/machine_paths.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// A path with "~/" in front replaced; "" stays "". Errors: kUsage if `home` is not known.
Result<std::string> absolute_path(const std::string& path, const std::string& home);

/// The machine's disks and the drive of `cdrom`, each with its file, its serial number and its
/// place in the boot order. Errors: those of absolute_path().
Result<std::vector<kvm::Disk>> compose_disks(const manifest::Machine& machine,
                                             const MachinePaths& paths,
                                             const std::string& home);

}  // namespace mosb::agent
