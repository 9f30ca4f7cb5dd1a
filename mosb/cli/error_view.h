#pragma once

#include "mosb/base/error.h"
#include "mosb/base/json.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

/// The value of "error" in what -o json prints.
Json to_json(const Error& error);

/// Says an error as the session's output format wants it: a line and perhaps a hint on standard
/// error, or an object on standard output. The value is the exit status of its class.
int report(const Session& session, const Error& error);

}  // namespace mosb::cli
