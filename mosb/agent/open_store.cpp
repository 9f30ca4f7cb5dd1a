#include "mosb/agent/open_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "mosb/agent/applied_state.h"
#include "mosb/base/log.h"
#include "mosb/oci/layout_index.h"

namespace mosb::agent {

namespace {

Result<std::vector<oci::StoredImage>> applied_images(const Paths& paths) {
  std::vector<oci::StoredImage> images;
  for (const auto& [name, service] : MOSB_TRY(load_applied_state(paths)).services) {
    const oci::Descriptor manifest{.media_type = "", .digest = service.image.digest};
    oci::StoredImage image{
        .ref = service.image.ref, .scope = service.image.scope, .manifest = manifest};
    if (std::find(images.begin(), images.end(), image) == images.end()) {
      images.push_back(std::move(image));
    }
  }
  return images;
}

}  // namespace

Result<oci::Store> open_store(const Instance& instance) {
  const Paths& paths = instance.paths();
  auto store = oci::Store::open_or_create(paths.store());
  if (store || store.error().code() != Errc::kState) {
    return store;
  }
  const auto index = oci::read_layout_index(paths.store());
  if (index) {
    return store;
  }
  MOSB_CHECK(oci::Store::mend_index(paths.store(), MOSB_TRY(applied_images(paths))));
  auto mended = MOSB_TRY(oci::Store::open_or_create(paths.store()));
  log::warn("the index of the image store was made anew, with the applied images only: " +
            index.error().message());
  return mended;
}

}  // namespace mosb::agent
