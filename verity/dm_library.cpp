#include "verity/dm_library.h"

namespace mosb::verity {

void keep_dm_quiet(int, const char*, int, int, const char*, ...) {}

namespace {

Result<DmLibrary> load() {
  const SharedLibrary library =
      MOSB_TRY(SharedLibrary::load("libdevmapper.so.1.02.1", "libdevmapper1.02.1"));
  DmLibrary functions;
  MOSB_DM_FUNCTIONS(MOSB_LIBRARY_FIND)
  functions.udev_set_sync_support(0);
  return functions;
}

}  // namespace

Result<const DmLibrary*> dm_library() {
  return load_once(load);
}

}  // namespace mosb::verity
