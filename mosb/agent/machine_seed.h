#pragma once

#include "mosb/base/result.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// Writes the disk that cloud-init reads its settings from: an ISO 9660 image labelled "cidata"
/// with the texts as files, mode 0600: they may hold passwords.
/// Spec: cloud-init, the NoCloud data source.
/// Errors: kHost without libarchive, kResource if the space is out.
Status write_seed(const kvm::CloudInit& seed);

}  // namespace mosb::agent
