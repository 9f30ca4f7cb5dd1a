#include "mosb/trust/trust_store.h"

#include <algorithm>

#include "mosb/base/text.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/trusted_file.h"

namespace mosb::trust {

namespace {

constexpr std::size_t kMaxEntries = 1000;

bool is_ca(const Certificate& certificate) {
  const auto& constraints = certificate.fields().basic_constraints;
  return constraints && constraints->ca;
}

/// Everything between the configuration directory and the store must be as safe as the store.
Status check_parents(const std::string& config_dir, TrustStoreType type) {
  std::string path = config_dir;
  for (const char* const part : {"truststore", "x509", trust_store_type_name(type)}) {
    path = path + "/" + part;
    MOSB_CHECK(check_trusted_directory(path));
  }
  return ok();
}

Result<TrustStore> load_store(const std::string& config_dir, const TrustStoreName& name) {
  const std::string dir = TrustStore::path(config_dir, name);
  MOSB_CHECK(check_parents(config_dir, name.type));
  TrustStore store{name, {}};
  std::size_t total = 0;
  for (const std::string& entry : MOSB_TRY(list_trusted_directory(dir, kMaxEntries))) {
    const std::string path = dir + "/" + entry;
    const std::string bytes = MOSB_TRY(read_trusted_file(path, kMaxTrustStoreFile));
    total += bytes.size();
    if (total > kMaxTrustStore.value) {
      return Error(Errc::kPolicy,
                   "it holds more than " + std::to_string(kMaxTrustStore.value) + " bytes");
    }
    for (Certificate& certificate :
         MOSB_TRY(Certificate::from_file_bytes(bytes).context(quote(path)))) {
      MOSB_CHECK(TrustStore::check_anchor(certificate, name.type).context(quote(path)));
      store.certificates.push_back(std::move(certificate));
    }
  }
  if (store.certificates.empty()) {
    return Error(Errc::kPolicy, "there are no certificates in " + quote(dir));
  }
  return store;
}

}  // namespace

std::string TrustStore::path(const std::string& config_dir, const TrustStoreName& name) {
  return config_dir + "/truststore/x509/" + trust_store_type_name(name.type) + "/" + name.name;
}

Result<bool> TrustStore::is_vacant(const std::string& config_dir, const TrustStoreName& name) {
  MOSB_CHECK(check_parents(config_dir, name.type)
                 .as(Errc::kPolicy)
                 .context("trust store '" + name.str() + "'"));
  const auto entries = list_trusted_directory(path(config_dir, name), kMaxEntries);
  return entries ? entries->empty() : entries.error().code() == Errc::kNotFound;
}

Result<TrustStore> TrustStore::load(const std::string& config_dir, const TrustStoreName& name) {
  if (!is_trust_store_name(name.name)) {
    return Error(Errc::kPolicy, quote(name.name) + " is not a trust store name");
  }
  auto store = load_store(config_dir, name);
  if (!store && store.error().code() == Errc::kNotFound) {
    return Error(Errc::kPolicy, "the trust store '" + name.str() + "' does not exist")
        .with_hint("add a certificate: mosb trust store add --type " +
                   std::string(trust_store_type_name(name.type)) + " --store " + name.name +
                   " FILE");
  }
  return std::move(store).as(Errc::kPolicy).context("trust store '" + name.str() + "'");
}

Status TrustStore::check_anchor(const Certificate& certificate, TrustStoreType type) {
  const std::string who = "certificate " + quote(certificate.fields().subject);
  if (type == TrustStoreType::kTsa && (!is_ca(certificate) || !is_self_signed(certificate))) {
    return Error(Errc::kPolicy, who + " is not a self-signed certificate authority");
  }
  if (!is_ca(certificate) && !is_self_signed(certificate)) {
    return Error(Errc::kPolicy, who + " is neither a certificate authority nor self-signed")
        .with_hint(
            "put the certificate of its issuer there and name the signer in the policy's "
            "trustedIdentities");
  }
  return ok();
}

bool TrustStore::contains(const Certificate& certificate) const {
  return std::find(certificates.begin(), certificates.end(), certificate) != certificates.end();
}

}  // namespace mosb::trust
