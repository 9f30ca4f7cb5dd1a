#include "mosb/oci/archive_library.h"

namespace mosb::oci {

namespace {

Result<ArchiveLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libarchive.so.13", "libarchive13"));
  ArchiveLibrary archive;
#define MOSB_FIND(function, member) MOSB_CHECK(library.find(#function, &archive.member));
  MOSB_ARCHIVE_FUNCTIONS(MOSB_FIND)
#undef MOSB_FIND
  return archive;
}

}  // namespace

Result<const ArchiveLibrary*> archive_library() {
  static const Result<ArchiveLibrary> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb::oci
