#pragma once

#include <libcryptsetup.h>

#include "mosb/base/shared_library.h"

/// The functions of libcryptsetup that mosb calls, and their names here.
// clang-format off
#define MOSB_CRYPT_FUNCTIONS(use) \
  use(crypt_init_data_device, init_data_device) \
  use(crypt_free, free) \
  use(crypt_set_log_callback, set_log_callback) \
  use(crypt_format, format) \
  use(crypt_activate_by_volume_key, activate_by_volume_key) \
  use(crypt_activate_by_signed_key, activate_by_signed_key)
// clang-format on

namespace mosb::verity {

struct CryptLibrary {
  MOSB_CRYPT_FUNCTIONS(MOSB_LIBRARY_MEMBER)
};

/// The library, loaded once and never unloaded.
/// Errors: kHost if it is not installed or lacks one of the functions.
Result<const CryptLibrary*> crypt_library();

}  // namespace mosb::verity
