#include "mosb/trust/timestamp_token.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto token = trust::TimestampToken::parse(fuzz::bytes(data, size));
  if (token) {
    fuzz::require(token->info().earliest <= token->info().time);
    fuzz::require(token->info().time <= token->info().latest);
    // Nobody is trusted here.
    fuzz::require(!token->signer_path({}));
  }
  (void)trust::TimestampInfo::parse(fuzz::bytes(data, size));
  return 0;
}
