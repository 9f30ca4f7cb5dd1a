#pragma once

#include "mosb/base/result.h"
#include "mosb/oci/image_config.h"

namespace mosb::oci {

/// Everything that would reach execve() or name an account, a path or a port in a service is well
/// formed and within the limits of limits.h. Errors: kContent.
Status check_image_config(const ImageConfig& config);

}  // namespace mosb::oci
