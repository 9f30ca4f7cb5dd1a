#include "mosb/net/nl_library.h"

namespace mosb::net {

namespace {

Result<NlLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libnl-3.so.200", "libnl-3-200"));
  NlLibrary functions;
  MOSB_NL_FUNCTIONS(MOSB_LIBRARY_FIND)
  return functions;
}

}  // namespace

Result<const NlLibrary*> nl_library() {
  return load_once(load);
}

}  // namespace mosb::net
