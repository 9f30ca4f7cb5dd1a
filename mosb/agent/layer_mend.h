#pragma once

#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"
#include "verity/layer.h"

namespace mosb::agent {

/// Puts the bad blocks of damaged layers right where they lie in the store, with what `from` has of
/// them, and says so in a warning for each layer; a mark of suspicion goes. Returns those of
/// `damaged` that are to be fetched as a whole: `from` gives no parts of them, or wrong ones, or
/// too much is bad. `layers` has each of them. Errors: kState.
Result<std::vector<oci::Descriptor>> mend_layers(const Paths& paths,
                                                 oci::Repository& from,
                                                 const std::vector<oci::Descriptor>& damaged,
                                                 const std::vector<verity::LayerSource>& layers);

}  // namespace mosb::agent
