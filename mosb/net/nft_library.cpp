#include "mosb/net/nft_library.h"

namespace mosb::net {

namespace {

Result<NftLibrary> load() {
  const SharedLibrary library = MOSB_TRY(SharedLibrary::load("libnftables.so.1", "libnftables1"));
  NftLibrary nft;
#define MOSB_FIND(function, member) MOSB_CHECK(library.find(#function, &nft.member));
  MOSB_NFT_FUNCTIONS(MOSB_FIND)
#undef MOSB_FIND
  return nft;
}

}  // namespace

Result<const NftLibrary*> nft_library() {
  static const Result<NftLibrary> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb::net
