#include "mosb/net/claim_frame.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// What a frame says does not depend on what is behind it, but for the option with an Ethernet
/// address; and the address can be asked for.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> frame(data, size);
  const auto claim = net::claim_in(frame);
  if (claim) {
    fuzz::require(size >= 14 + 28);
    const auto question = net::question_frame(claim->address, claim->mac);
    fuzz::require(net::claim_in(question) == *claim || claim->address.is_unspecified());
  }
  return 0;
}
