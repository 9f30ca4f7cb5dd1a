#pragma once

#include <string>

#include "mosb/base/json.h"
#include "mosb/trust/report.h"
#include "mosb/trust/verify.h"

namespace mosb::cli {

/// A signature as `verify -o json` and `signatures -o json` show it.
Json to_json(const trust::SignatureReport& signature);
/// The object of `verify -o json`; with "error" if the artifact is refused.
Json to_json(const std::string& ref, const Digest& digest, const trust::Verification& verification);
/// The decision as an indented tree, one line each, for `trust test`.
std::string render_tree(const trust::VerificationReport& report);

}  // namespace mosb::cli
