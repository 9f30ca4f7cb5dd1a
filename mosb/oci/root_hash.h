#pragma once

#include <string>

#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"

namespace mosb::oci {

/// The verity root hash that a layer's descriptor carries, as 64 lower-case hex digits: the new
/// annotation, else the old one. Errors: kVerity if there is none, it is malformed, or both are
/// there and differ.
Result<std::string> root_hash_annotation(const Descriptor& layer);

}  // namespace mosb::oci
