#pragma once

#include "mosb/base/result.h"
#include "mosb/oci/blob.h"
#include "mosb/oci/registry_session.h"

namespace mosb::oci {

/// Stores a blob unless the registry has it: HEAD, POST, then one PUT with the whole.
/// Spec: OCI distribution 1.1 §POST then PUT. The bytes are checked while they go out.
Status upload_blob(RegistrySession& session,
                   const Descriptor& descriptor,
                   const BlobSource& source);

}  // namespace mosb::oci
