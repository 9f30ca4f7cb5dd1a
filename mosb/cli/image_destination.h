#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "mosb/base/result.h"
#include "mosb/cli/session.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::cli {

/// Calls `make` with the place that a reference names, for an image that is made: a layout is
/// created if need be, an archive is written anew when `make` was successful. `temp_dir` is this
/// user's alone.
Result<oci::Descriptor> make_image_at(
    Session& session,
    const oci::Reference& ref,
    bool insecure,
    const std::function<Result<oci::Descriptor>(oci::Repository& to, const std::string& temp_dir)>&
        make);

/// Of https://reproducible-builds.org/specs/source-date-epoch; 0 if it is not set. Errors: kUsage.
Result<std::uint32_t> source_date_epoch();

}  // namespace mosb::cli
