#include "verity/root_hash_signature.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto signature = verity::RootHashSignature::parse(text)) {
    fuzz::require(signature->base64() == text);
    fuzz::require(signature->der().size() <= verity::kMaxRootHashSignature.value);
  }
  const auto bytes = fuzz::bytes(data, size);
  const auto der = verity::RootHashSignature::from_der({bytes.begin(), bytes.end()});
  if (der) {
    const auto again = verity::RootHashSignature::parse(der->base64());
    fuzz::require(again && *again == *der);
  }
  return 0;
}
