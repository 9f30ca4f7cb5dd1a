#include "mosb/oci/curl_library.h"

namespace mosb::oci {

namespace {

Result<CurlLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libcurl.so.4", "libcurl4"));
  CurlLibrary functions;
  MOSB_CURL_FUNCTIONS(MOSB_LIBRARY_FIND)
  if (functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error(Errc::kInternal, "libcurl cannot be used");
  }
  return functions;
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
  return load_once(load);
}

}  // namespace mosb::oci
