#include "mosb/oci/docker_images.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto images = oci::parse_docker_images(fuzz::text(data, size));
  if (!images) {
    fuzz::require(images.error().code() == Errc::kContent);
    return 0;
  }
  fuzz::require(!images->empty());
  for (std::size_t i = 0; i < images->size(); ++i) {
    fuzz::require(!images->at(i).layers.empty());
    for (const std::string& name : images->at(i).names) {
      fuzz::require(oci::is_same_docker_name(name, name));
      const auto chosen = oci::choose_docker_image(*images, name);
      fuzz::require(chosen ? *chosen == i : chosen.error().code() == Errc::kContent);
    }
  }
  return 0;
}
