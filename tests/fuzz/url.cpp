#include "mosb/oci/url.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = oci::Url::parse(fuzz::text(data, size));
  if (url) {
    const auto again = oci::Url::parse(url->str());
    fuzz::require(again && again->str() == url->str() && again->same_origin(*url));
  }
  static const auto base = oci::Url::parse("https://registry.example:5000/v2/a/b?c=d");
  const auto resolved = base->resolve(fuzz::text(data, size));
  if (resolved) {
    fuzz::require(oci::Url::parse(resolved->str()).has_value());
  }
  return 0;
}
