#include "mosb/trust/timestamp_check.h"

#include <algorithm>

#include "mosb/trust/timestamp_token.h"

namespace mosb::trust {

namespace {

Result<std::vector<Certificate>> load_roots(TrustAnchors& anchors) {
  const Result<std::vector<TrustStore>>& stores = anchors.of(TrustStoreType::kTsa);
  if (!stores) {
    return stores.error();
  }
  std::vector<Certificate> roots;
  for (const TrustStore& store : *stores) {
    roots.insert(roots.end(), store.certificates.begin(), store.certificates.end());
  }
  return roots;
}

Status check(const SignatureEnvelope& envelope,
             TrustAnchors& anchors,
             const RevocationQuestion& revocation) {
  const TimestampToken token = MOSB_TRY(TimestampToken::parse(envelope.timestamp));
  MOSB_CHECK(token.info().check_imprint(envelope.signature));
  const std::vector<Certificate> path = MOSB_TRY(token.signer_path(MOSB_TRY(load_roots(anchors))));
  MOSB_CHECK(token.info().check_within_validity(envelope.chain));
  return check_revocation(path, revocation);
}

}  // namespace

bool timestamp_applies(const SignatureEnvelope& envelope,
                       const TrustPolicyStatement& statement,
                       SystemTime now) {
  const std::vector<TrustStoreName>& stores = statement.trust_stores;
  const bool has_store = std::any_of(stores.begin(), stores.end(), [](const TrustStoreName& store) {
    return store.type == TrustStoreType::kTsa;
  });
  return envelope.attributes.scheme == SigningScheme::kX509 && has_store &&
         (statement.verify_timestamp == VerifyTimestamp::kAlways ||
          std::any_of(envelope.chain.begin(), envelope.chain.end(), [&](const Certificate& c) {
            return c.fields().not_after < now;
          }));
}

Status check_timestamp(const SignatureEnvelope& envelope,
                       TrustAnchors& anchors,
                       const RevocationQuestion& revocation) {
  if (envelope.timestamp.empty()) {
    return Error(Errc::kSignature,
                 "there is no timestamp in the signature, and the trust policy asks for one")
        .with_hint(
            "sign with a timestamp, or take the tsa trust store out of the trust policy statement");
  }
  return check(envelope, anchors, revocation).context("timestamp");
}

}  // namespace mosb::trust
