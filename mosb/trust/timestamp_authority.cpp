#include "mosb/trust/timestamp_authority.h"

#include <chrono>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/trust/signature_algorithm.h"
#include "mosb/trust/timestamp_exchange.h"
#include "mosb/trust/trust_store.h"

namespace mosb::trust {

namespace {

constexpr ByteCount kMaxReply{1 * kMiB};
constexpr std::chrono::seconds kTimeout{15};
constexpr char kQueryType[] = "application/timestamp-query";
constexpr char kReplyType[] = "application/timestamp-reply";

Sha2 hash_for(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kPs256:
    case SignatureAlgorithm::kEs256:
      return Sha2::k256;
    case SignatureAlgorithm::kPs384:
    case SignatureAlgorithm::kEs384:
      return Sha2::k384;
    case SignatureAlgorithm::kPs512:
    case SignatureAlgorithm::kEs512:
      return Sha2::k512;
  }
  return Sha2::k256;
}

Result<Bytes> request(const TimestampAuthority& authority,
                      const SignatureEnvelope& envelope,
                      SystemTime now) {
  const TimestampQuery query =
      MOSB_TRY(TimestampQuery::make(hash_for(envelope.algorithm), envelope.signature));
  const WebAnswer answer =
      MOSB_TRY(authority.sources->web->ask({.url = authority.url,
                                            .content = WebRequest::Content{kQueryType, query.der()},
                                            .max_answer = kMaxReply,
                                            .timeout = kTimeout}));
  if (answer.media_type != kReplyType) {
    return Error(Errc::kNetwork,
                 "its answer is of the type " + quote(answer.media_type) + ", not " + kReplyType);
  }
  Bytes bytes = MOSB_TRY(query.read_reply(as_bytes(answer.bytes)));
  const TimestampToken token = MOSB_TRY(TimestampToken::parse(bytes));
  const std::vector<Certificate> path = MOSB_TRY(token.signer_path({authority.root}));
  MOSB_CHECK(token.info().check_within_validity(envelope.chain));
  MOSB_CHECK(check_revocation(path, {authority.sources, now}));
  return bytes;
}

}  // namespace

Result<Certificate> load_timestamp_root(const std::string& path) {
  const auto load = [&path]() -> Result<Certificate> {
    const std::string bytes = MOSB_TRY(read_named_file(path, kMaxTrustStoreFile));
    std::vector<Certificate> certificates =
        MOSB_TRY(Certificate::from_file_bytes(bytes).as(Errc::kUsage));
    if (certificates.size() != 1) {
      return Error(Errc::kUsage, "it must hold one certificate");
    }
    MOSB_CHECK(
        TrustStore::check_anchor(certificates.front(), TrustStoreType::kTsa).as(Errc::kUsage));
    return std::move(certificates.front());
  };
  return load().context("root certificate " + quote(path));
}

Result<Bytes> request_timestamp(const TimestampAuthority& authority,
                                const SignatureEnvelope& envelope,
                                SystemTime now) {
  return request(authority, envelope, now).context("timestamp from " + quote(authority.url));
}

}  // namespace mosb::trust
