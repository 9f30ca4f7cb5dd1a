#include "mosb/base/openssl_setup.h"

#include <openssl/crypto.h>

namespace mosb {

void set_up_openssl() {
  (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
}

}  // namespace mosb
