#include "mosb/oci/archive_library.h"

namespace mosb::oci {

namespace {

Result<ArchiveLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libarchive.so.13", "libarchive13"));
  ArchiveLibrary functions;
  MOSB_ARCHIVE_FUNCTIONS(MOSB_LIBRARY_FIND)
  return functions;
}

}  // namespace

Result<const ArchiveLibrary*> archive_library() {
  return load_once(load);
}

}  // namespace mosb::oci
