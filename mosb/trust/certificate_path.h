#pragma once

#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/cms_handles.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// The path from a timestamping authority's certificate to one of the roots, both included, through
/// any of `others`, valid at that time. Spec: RFC 5280 §6. Errors: kSignature.
Result<std::vector<Certificate>> find_timestamping_path(X509& signer,
                                                        STACK_OF(X509) * others,
                                                        const std::vector<Certificate>& roots,
                                                        SystemTime time);

}  // namespace mosb::trust
