#pragma once

#include <string>

#include "verity/layer.h"

namespace mosb::verity {

/// A layer that exists nowhere, for plans.
LayerSource layer(const std::string& name);
/// With something that looks like a signature.
LayerSource signed_layer(const std::string& name);

}  // namespace mosb::verity
