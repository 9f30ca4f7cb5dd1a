#pragma once

#include <nftables/libnftables.h>

#include "mosb/base/shared_library.h"

/// The functions of libnftables that mosb calls, and their names here.
// clang-format off
#define MOSB_NFT_FUNCTIONS(use) \
  use(nft_ctx_new, ctx_new) \
  use(nft_ctx_free, ctx_free) \
  use(nft_ctx_output_set_flags, output_set_flags) \
  use(nft_ctx_buffer_output, buffer_output) \
  use(nft_ctx_buffer_error, buffer_error) \
  use(nft_ctx_get_output_buffer, output) \
  use(nft_ctx_get_error_buffer, error) \
  use(nft_run_cmd_from_buffer, run)
// clang-format on

namespace mosb::net {

struct NftLibrary {
  MOSB_NFT_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const NftLibrary*> nft_library();

}  // namespace mosb::net
