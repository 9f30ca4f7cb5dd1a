#include "mosb/net/nft_library.h"

namespace mosb::net {

namespace {

Result<NftLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libnftables.so.1", "libnftables1"));
  NftLibrary functions;
  MOSB_NFT_FUNCTIONS(MOSB_LIBRARY_FIND)
  return functions;
}

}  // namespace

Result<const NftLibrary*> nft_library() {
  return load_once(load);
}

}  // namespace mosb::net
