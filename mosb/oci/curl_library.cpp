#include "mosb/oci/curl_library.h"

#include "mosb/base/shared_library.h"

namespace mosb::oci {

namespace {

Result<CurlLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libcurl.so.4", "libcurl4"));
  CurlLibrary curl{};
  MOSB_CHECK(library.find("curl_global_init", &curl.global_init));
  MOSB_CHECK(library.find("curl_easy_init", &curl.easy_init));
  MOSB_CHECK(library.find("curl_easy_cleanup", &curl.easy_cleanup));
  MOSB_CHECK(library.find("curl_easy_reset", &curl.easy_reset));
  MOSB_CHECK(library.find("curl_easy_setopt", &curl.easy_setopt));
  MOSB_CHECK(library.find("curl_easy_perform", &curl.easy_perform));
  MOSB_CHECK(library.find("curl_easy_getinfo", &curl.easy_getinfo));
  MOSB_CHECK(library.find("curl_easy_strerror", &curl.easy_strerror));
  MOSB_CHECK(library.find("curl_slist_append", &curl.slist_append));
  MOSB_CHECK(library.find("curl_slist_free_all", &curl.slist_free_all));
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error(Errc::kInternal, "libcurl cannot be used");
  }
  return curl;
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  static const Result<CurlLibrary> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb::oci
