#pragma once

#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/report.h"

namespace mosb::trust {

/// What the signatures attached to an artifact say of themselves, at most `most` of them. Nothing
/// is verified: every outcome is skipped, and `error` says where an envelope cannot be read.
/// Errors: kNetwork, kContent.
Result<std::vector<SignatureReport>> list_signatures(oci::Repository& repository,
                                                     const oci::Descriptor& subject,
                                                     std::size_t most);

}  // namespace mosb::trust
