#include "mosb/oci/replaced_image.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <sys/stat.h>

#include "mosb/base/sys.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/manifest.h"

namespace mosb::oci {

namespace {

bool lists(Store& store, const Descriptor& index, const Digest& manifest) {
  const auto bytes = store.repository().read_manifest(index);
  const auto parsed = bytes ? Index::parse(*bytes, index.media_type) : Result<Index>(bytes.error());
  return parsed && std::any_of(parsed->manifests.begin(),
                               parsed->manifests.end(),
                               [&](const Descriptor& entry) { return entry.digest == manifest; });
}

}  // namespace

Result<std::optional<StoredImage>> replaced_image(Store& store, const Digest& manifest) {
  const auto st = sys::lstat(store.blob_path(manifest));
  if (!st && st.error().sys_errno() == ENOENT) {
    return std::optional<StoredImage>();
  }
  MOSB_CHECK(st);
  Descriptor descriptor{.media_type = kImageManifest,
                        .digest = manifest,
                        .size = static_cast<std::uint64_t>(st->st_size)};
  const std::string bytes = MOSB_TRY(store.repository().read_manifest(descriptor));
  if (!Manifest::parse(bytes, descriptor.media_type)) {
    descriptor.media_type = kDockerManifest;
    MOSB_CHECK(Manifest::parse(bytes, descriptor.media_type));
  }
  StoredImage image{.ref = "", .scope = "", .manifest = std::move(descriptor)};
  const std::shared_ptr<const Index> all =
      MOSB_TRY(look_at_layout_index(store.dir()).as(Errc::kState));
  for (const Descriptor& entry : all->manifests) {
    if (is_index_type(entry.media_type) && lists(store, entry, manifest)) {
      image.index = bare(entry);
      break;
    }
  }
  return std::optional(std::move(image));
}

}  // namespace mosb::oci
