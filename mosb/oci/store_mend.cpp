// The store's index.json made anew.

#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/store.h"
#include "mosb/oci/store_contents.h"

namespace mosb::oci {

namespace {

/// What a store holds, found by reading all that is small enough for a manifest.
struct Found {
  std::map<Digest, Descriptor> manifests;
  /// With their entries for index.json.
  std::map<Digest, Descriptor> referrers;
  std::map<Digest, std::pair<Descriptor, Index>> indexes;
};

void sort_in(Found& found, const Descriptor& blob, const std::string& bytes) {
  for (const char* const type : {kImageManifest, kDockerManifest}) {
    Descriptor descriptor{.media_type = type, .digest = blob.digest, .size = blob.size};
    auto manifest = Manifest::parse(bytes, type);
    if (!manifest) {
      continue;
    }
    if (manifest->subject) {
      Descriptor entry = descriptor;
      entry.annotations[kSubjectNote] = manifest->subject->digest.str();
      found.referrers.emplace(blob.digest, std::move(entry));
    }
    found.manifests.emplace(blob.digest, std::move(descriptor));
    return;
  }
  for (const char* const type : {kImageIndex, kDockerManifestList}) {
    Descriptor descriptor{.media_type = type, .digest = blob.digest, .size = blob.size};
    if (auto index = Index::parse(bytes, type)) {
      found.indexes.emplace(blob.digest, std::pair(std::move(descriptor), *std::move(index)));
      return;
    }
  }
}

Result<Found> read_all(Layout& layout, const std::map<Digest, ByteCount>& blobs) {
  Found found;
  for (const auto& [digest, size] : blobs) {
    if (size.value > kMaxManifestSize.value) {
      continue;
    }
    const Descriptor blob{.media_type = "", .digest = digest, .size = size.value};
    const auto bytes = layout.read_manifest(blob);
    if (bytes && bytes->starts_with("{")) {
      sort_in(found, blob, *bytes);
    }
  }
  return found;
}

std::optional<Descriptor> index_of(const Digest& manifest, const Found& found) {
  for (const auto& [digest, index] : found.indexes) {
    for (const Descriptor& entry : index.second.manifests) {
      if (entry.digest == manifest) {
        return index.first;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Status Store::mend_index(const std::string& dir, const std::vector<StoredImage>& known) {
  const std::string what = "make the index of the image store " + quote(dir) + " anew";
  Store store(Layout(dir, dir + "/tmp"));
  std::vector<std::string> unknown;
  const auto blobs = MOSB_TRY(list_blobs(store, unknown).context(what));
  const Found found = MOSB_TRY(read_all(store.layout_, blobs).context(what));
  Json document = empty_layout_index();
  for (StoredImage image : known) {
    const auto manifest = found.manifests.find(image.manifest.digest);
    if (manifest != found.manifests.end()) {
      image.manifest = manifest->second;
      image.index = index_of(image.manifest.digest, found);
      document["manifests"].push_back(entry_of(image));
    }
  }
  for (const auto& [digest, index] : found.indexes) {
    document["manifests"].push_back(to_json(index.first));
  }
  for (const auto& [digest, entry] : found.referrers) {
    document["manifests"].push_back(to_json(entry));
  }
  // For whoever wants to know what was in it.
  const Status moved = sys::rename(dir + "/index.json", dir + "/index.json.damaged");
  if (!moved && moved.error().sys_errno() != ENOENT) {
    return moved.error().context(what);
  }
  return write_layout_index(dir, document).as(Errc::kState).context(what);
}

}  // namespace mosb::oci
