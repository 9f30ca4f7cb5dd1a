#pragma once

#include <memory>

#include "mosb/base/result.h"
#include "mosb/oci/http_client.h"

namespace mosb::oci {

/// The HttpClient over libcurl. It keeps connections open between requests, follows redirects
/// itself (redirect.h), and reads nothing from the environment unless the policy says so.
Result<std::unique_ptr<HttpClient>> make_curl_http_client();

}  // namespace mosb::oci
