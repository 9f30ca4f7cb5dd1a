#include "mosb/oci/store_garbage.h"

#include <utility>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"

namespace mosb::oci {

namespace {

/// Of an entry that can't be read nothing is known, so it stays.
bool is_garbage(const Json& entry, const std::set<Digest>& garbage) {
  const auto parsed = parse_descriptor(entry);
  return parsed && !is_record(*parsed) && !parsed->annotations.contains(kRefName) &&
         garbage.contains(parsed->digest);
}

Status drop_entries(Json& manifests, const std::set<Digest>& garbage) {
  Json left = Json::array();
  for (Json& entry : manifests) {
    if (!is_garbage(entry, garbage)) {
      left.push_back(std::move(entry));
    }
  }
  manifests = std::move(left);
  return ok();
}

}  // namespace

ByteCount StoreGarbage::bytes() const {
  ByteCount sum;
  for (const auto& [digest, size] : blobs) {
    sum.value += size.value;
  }
  return sum;
}

StoreGarbage garbage_in(const StoreContents& contents, const std::set<Digest>& needed) {
  StoreGarbage garbage;
  for (const auto& [digest, size] : contents.blobs) {
    if (!needed.contains(digest)) {
      garbage.blobs.emplace(digest, size);
    }
  }
  for (const Digest& digest : contents.listed) {
    if (!needed.contains(digest)) {
      garbage.entries.insert(digest);
    }
  }
  for (const Digest& digest : reached_from(garbage.entries, contents)) {
    if (garbage.blobs.contains(digest)) {
      garbage.listed.insert(digest);
    }
  }
  return garbage;
}

Status remove_garbage(Store& store, const StoreGarbage& garbage) {
  const std::string what = "clean the image store " + quote(store.dir());
  const auto unlink_all = [&](bool listed) -> Status {
    for (const auto& [digest, size] : garbage.blobs) {
      if (garbage.listed.contains(digest) == listed) {
        MOSB_CHECK(sys::unlink(store.blob_path(digest)).context(what));
      }
    }
    return ok();
  };
  // Whoever names the store as an OCI layout writes to it directly.
  MOSB_CHECK(remove_abandoned(store.dir()).context(what));
  MOSB_CHECK(unlink_all(false));
  MOSB_CHECK(
      store.layout()
          .edit_index([&](Json& manifests) { return drop_entries(manifests, garbage.entries); })
          .as(Errc::kState)
          .context(what));
  MOSB_CHECK(unlink_all(true));
  return garbage.blobs.empty() ? ok() : fsync_dir(store.dir() + "/blobs/sha256").context(what);
}

}  // namespace mosb::oci
