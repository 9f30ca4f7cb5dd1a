#pragma once

#include <memory>

#include "mosb/base/result.h"
#include "verity/fault_log.h"
#include "verity/fuse_connection.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

/// A FUSE mount whose root is one regular file: a layer's data blocks, each checked when it is
/// read. A block that fails the check is EIO to the reader and a line in the log.
/// Errors: kResource.
Result<std::unique_ptr<FuseHandler>> make_layer_file(const VerifiedReader& reader,
                                                     FaultLog& faults);

}  // namespace mosb::verity
