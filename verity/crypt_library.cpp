#include "verity/crypt_library.h"

namespace mosb::verity {

namespace {

Result<CryptLibrary> load() {
  const SharedLibrary library =
      MOSB_TRY(SharedLibrary::load("libcryptsetup.so.12", "libcryptsetup12"));
  CryptLibrary functions;
  MOSB_CRYPT_FUNCTIONS(MOSB_LIBRARY_FIND)
  return functions;
}

}  // namespace

Result<const CryptLibrary*> crypt_library() {
  return load_once(load);
}

}  // namespace mosb::verity
