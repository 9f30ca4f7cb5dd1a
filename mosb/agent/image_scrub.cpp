#include "mosb/agent/image_scrub.h"

#include <algorithm>
#include <set>
#include <utility>

#include "mosb/agent/image_users.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/suspects.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/store_contents.h"

namespace mosb::agent {

namespace {

Status read_blob(oci::Store& store,
                 const Digest& digest,
                 ByteCount size,
                 const oci::BlobSink& sink) {
  return store.repository().fetch_blob(
      oci::Descriptor{.media_type = "", .digest = digest, .size = size.value}, sink);
}

/// Gone is not damaged.
bool is_damage(const Status& read) {
  return !read && read.error().code() != Errc::kNotFound;
}

void add(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
}

/// Names for the damaged blobs; each image's needs are followed once.
void name_users(std::vector<DamagedBlob>& damaged,
                const oci::StoreContents& contents,
                const std::vector<ImageUser>& users) {
  for (const oci::StoredImage& image : contents.records) {
    const std::set<Digest> needed = oci::blobs_of({image}, contents);
    const std::vector<std::string> names = names_of(users_of(image, users));
    for (DamagedBlob& blob : damaged) {
      if (needed.contains(blob.digest)) {
        add(blob.used_by, "image " + image.ref);
        for (const std::string& name : names) {
          add(blob.used_by, name);
        }
      }
    }
  }
  for (const ImageUser& user : users) {
    for (DamagedBlob& blob : damaged) {
      const bool mounted =
          std::find(user.layers.begin(), user.layers.end(), blob.digest) != user.layers.end();
      if (mounted || user.manifest == blob.digest) {
        add(blob.used_by, user.name);
      }
    }
  }
}

/// Judges what was found again, now that nobody changes the store, and takes it out of the way.
Status settle(const Instance& instance, ScrubReport& report) {
  const Paths& paths = instance.paths();
  oci::Store store = MOSB_TRY(oci::Store::open_alone(paths.store()));
  const auto users = MOSB_TRY(image_users(paths, store, MOSB_TRY(store.images())));
  const oci::StorePins pins = pins_of(users);
  const auto contents = MOSB_TRY(oci::read_contents(store, pins.manifests));
  std::vector<DamagedBlob> damaged;
  for (DamagedBlob& blob : report.damaged) {
    const auto size = contents.blobs.find(blob.digest);
    const auto nothing = [](std::span<const std::byte>) { return ok(); };
    if (size == contents.blobs.end() ||
        !is_damage(read_blob(store, blob.digest, size->second, nothing))) {
      continue;  // removed or fetched again meanwhile
    }
    if (pins.blobs.contains(blob.digest)) {
      MOSB_CHECK(mark_suspect(paths, blob.digest, blob.reason));
    } else {
      MOSB_CHECK(sys::unlink(blob.path));
      MOSB_CHECK(clear_suspect(paths, blob.digest));
      blob.removed = true;
    }
    damaged.push_back(std::move(blob));
  }
  name_users(damaged, contents, users);
  report.damaged = std::move(damaged);
  return fsync_dir(store.dir() + "/blobs/sha256");
}

Status settle(const Paths& paths, ScrubReport& report) {
  const Instance instance = MOSB_TRY(Instance::open(paths));
  return settle(instance, report);
}

}  // namespace

Result<ScrubReport> scrub_store(const Paths& paths, const ScrubProgress& progress) {
  const std::string what = "read the image store";
  oci::Store store = MOSB_TRY(oci::Store::open(paths.store()).context(what));
  ScrubReport report;
  std::vector<std::string> unknown;
  const auto blobs = MOSB_TRY(oci::list_blobs(store, unknown).context(what));
  for (const std::string& path : unknown) {
    report.warnings.push_back(quote(path) + " is not mosb's and is left alone");
  }
  ByteCount total;
  for (const auto& [digest, size] : blobs) {
    total.value += size.value;
  }
  for (const auto& [digest, size] : blobs) {
    const Status read = read_blob(store, digest, size, [&](std::span<const std::byte> bytes) {
      report.bytes.value += bytes.size();
      if (progress) {
        progress(report.bytes, total);
      }
      return ok();
    });
    report.checked += 1;
    if (is_damage(read)) {
      report.damaged.push_back({digest, store.blob_path(digest), read.error().message()});
    }
  }
  if (report.damaged.empty()) {
    return report;
  }
  const Status settled = settle(paths, report);
  if (!settled && settled.error().code() != Errc::kBusy) {
    return settled.error();
  }
  if (!settled) {
    report.warnings.push_back("what is damaged was left where it is: " + settled.error().message());
  }
  return report;
}

}  // namespace mosb::agent
