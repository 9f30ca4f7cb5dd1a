#pragma once

#include <optional>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"

namespace mosb::oci {

/// An image in the store whose record is now that of another one, because its reference came to
/// mean that: its manifest, and the index that lists it, without reference and scope. nullopt if
/// the manifest is not there. Errors: kContent, kState.
Result<std::optional<StoredImage>> replaced_image(Store& store, const Digest& manifest);

}  // namespace mosb::oci
