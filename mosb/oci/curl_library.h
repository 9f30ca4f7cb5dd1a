#pragma once

#include <curl/curl.h>

#include "mosb/base/shared_library.h"

/// The functions of libcurl that mosb calls, and their names here.
// clang-format off
#define MOSB_CURL_FUNCTIONS(use) \
  use(curl_global_init, global_init) \
  use(curl_easy_init, easy_init) \
  use(curl_easy_cleanup, easy_cleanup) \
  use(curl_easy_reset, easy_reset) \
  use(curl_easy_setopt, easy_setopt) \
  use(curl_easy_perform, easy_perform) \
  use(curl_easy_getinfo, easy_getinfo) \
  use(curl_easy_strerror, easy_strerror) \
  use(curl_slist_append, slist_append) \
  use(curl_slist_free_all, slist_free_all)
// clang-format on

namespace mosb::oci {

struct CurlLibrary {
  MOSB_CURL_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded and initialised once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const CurlLibrary*> curl_library();

}  // namespace mosb::oci
