#pragma once

#include <functional>

#include "mosb/base/result.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

/// Makes a fetch, which has a new sink each time, again while what came was wrong and another of
/// the repository's places may have it right.
Status fetch_anew_while_wrong(const Repository& from, const std::function<Status()>& fetch);

}  // namespace mosb::oci
