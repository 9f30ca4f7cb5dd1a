#include "mosb/net/nl_library.h"

namespace mosb::net {

namespace {

Result<NlLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libnl-3.so.200", "libnl-3-200"));
  NlLibrary nl;
#define MOSB_FIND(function, member) MOSB_CHECK(library.find(#function, &nl.member));
  MOSB_NL_FUNCTIONS(MOSB_FIND)
#undef MOSB_FIND
  return nl;
}

}  // namespace

Result<const NlLibrary*> nl_library() {
  static const Result<NlLibrary> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb::net
