#pragma once

#include <openssl/cms.h>
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>

#include "mosb/trust/openssl_handles.h"

/// Owners of the objects that signed messages and paths are made of; for this folder's OpenSSL
/// sources only.
namespace mosb::trust {

inline void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}

using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslFree<CMS_ContentInfo_free>>;
using TstInfoPtr = std::unique_ptr<TS_TST_INFO, OpensslFree<TS_TST_INFO_free>>;
using CertificatesPtr = std::unique_ptr<STACK_OF(X509), OpensslFree<free_certificates>>;
using X509StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

}  // namespace mosb::trust
