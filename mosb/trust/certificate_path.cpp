#include "mosb/trust/certificate_path.h"

#include <ctime>

#include "mosb/trust/cert_chain.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

Error failed(const std::string& why) {
  ERR_clear_error();
  return Error(Errc::kSignature, "no path to a certificate of the trust store: " + why);
}

X509StorePtr make_store(const std::vector<Certificate>& roots) {
  X509StorePtr store(X509_STORE_new());
  for (const Certificate& root : roots) {
    const X509Ptr x509 = to_x509(root);
    if (!store || !x509 || X509_STORE_add_cert(store.get(), x509.get()) != 1) {
      return nullptr;
    }
  }
  return store;
}

bool set_rules(X509_STORE_CTX& context, SystemTime time) {
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(&context);
  X509_VERIFY_PARAM_set_time(rules, static_cast<std::time_t>(time.time_since_epoch().count()));
  // Of the certificates between the two ends.
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(kMaxChainLength) - 2);
  return X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_TIMESTAMP_SIGN) == 1;
}

}  // namespace

Result<std::vector<Certificate>> find_timestamping_path(X509& signer,
                                                        STACK_OF(X509) * others,
                                                        const std::vector<Certificate>& roots,
                                                        SystemTime time) {
  const X509StorePtr store = make_store(roots);
  const X509StoreCtxPtr context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_CTX_init(context.get(), store.get(), &signer, others) != 1 ||
      !set_rules(*context, time)) {
    return failed(take_openssl_error());
  }
  if (X509_verify_cert(context.get()) != 1) {
    return failed(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  std::vector<Certificate> path;
  const STACK_OF(X509)* const found = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(found); ++i) {
    path.push_back(MOSB_TRY(from_x509(*sk_X509_value(found, i))));
  }
  ERR_clear_error();
  return path;
}

}  // namespace mosb::trust
