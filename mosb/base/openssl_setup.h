#pragma once

namespace mosb {

/// Before the first use of OpenSSL: what a signature counts for must not depend on openssl.cnf or
/// OPENSSL_CONF, which can load providers and engines. Not reading it saves a start a millisecond,
/// too.
void set_up_openssl();

}  // namespace mosb
