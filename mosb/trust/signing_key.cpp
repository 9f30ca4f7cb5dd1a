#include "mosb/trust/signing_key.h"

#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/trust/trusted_file.h"

namespace mosb::trust {

namespace {

constexpr ByteCount kMaxChainFile{1 * kMiB};

}  // namespace

Result<SigningKey> load_signing_key(const std::string& key_file,
                                    const std::string& cert_chain_file) {
  const std::string pem = MOSB_TRY(read_key_file(key_file).context("signing key"));
  PrivateKey key = MOSB_TRY(PrivateKey::from_pem(pem).context("signing key " + quote(key_file)));
  const std::string what = "certificate chain " + quote(cert_chain_file);
  const std::string chain_text =
      MOSB_TRY(read_named_file(cert_chain_file, kMaxChainFile).context(what));
  std::vector<Certificate> chain =
      MOSB_TRY(Certificate::from_file_bytes(chain_text).as(Errc::kContent).context(what));
  if (!key.belongs_to(chain.front())) {
    return Error(Errc::kContent,
                 what + ": the first certificate is not for the key in " + quote(key_file))
        .with_hint("the chain must start with the signing certificate and end with the root");
  }
  return SigningKey{std::move(key), std::move(chain)};
}

Result<SigningKey> load_signing_key_by_name(const NotationConfig& config, const std::string& name) {
  const SigningKeyList list = MOSB_TRY(config.signing_keys());
  const SigningKeyEntry* const entry =
      MOSB_TRY(list.find(name).context(quote(config.dir() + "/signingkeys.json")));
  return load_signing_key(entry->key_path, entry->cert_path);
}

}  // namespace mosb::trust
