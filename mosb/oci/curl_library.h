#pragma once

#include <curl/curl.h>

#include "mosb/base/result.h"

namespace mosb::oci {

/// The functions of libcurl that mosb calls.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
};

/// The library, loaded and initialised once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const CurlLibrary*> curl_library();

}  // namespace mosb::oci
