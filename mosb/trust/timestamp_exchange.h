#pragma once

#include <string>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/sha2.h"
#include "mosb/trust/timestamp_token.h"

namespace mosb::trust {

/// What a timestamping authority is asked, and what its answer must match. Spec: RFC 3161 §2.4.1.
class TimestampQuery {
 public:
  /// For a token over `message`, with the authority's certificates and a nonce that nobody can
  /// guess. Errors: kInternal.
  static Result<TimestampQuery> make(Sha2 hash, ByteView message);

  /// TimeStampReq in DER: the media type application/timestamp-query.
  const std::string& der() const { return der_; }
  /// The token out of a TimeStampResp in DER, which grants it and is about this query. Who signed
  /// it is another question. Errors: kSignature.
  Result<Bytes> read_reply(ByteView reply) const;

 private:
  TimestampQuery(std::string der, Bytes imprint, Sha2 hash, Bytes nonce)
      : der_(std::move(der)), imprint_(std::move(imprint)), hash_(hash), nonce_(std::move(nonce)) {}

  std::string der_;
  Bytes imprint_;
  Sha2 hash_;
  Bytes nonce_;
};

}  // namespace mosb::trust
