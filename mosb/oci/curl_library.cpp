#include "mosb/oci/curl_library.h"

namespace mosb::oci {

namespace {

Result<CurlLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libcurl.so.4", "libcurl4"));
  CurlLibrary curl;
#define MOSB_FIND(function, member) MOSB_CHECK(library.find(#function, &curl.member));
  MOSB_CURL_FUNCTIONS(MOSB_FIND)
#undef MOSB_FIND
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
