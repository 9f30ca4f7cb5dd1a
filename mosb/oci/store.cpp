#include "mosb/oci/store.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/document.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/name_grammar.h"

namespace mosb::oci {

namespace {

constexpr mode_t kPrivate = 0700;
constexpr mode_t kOthersWrite = 0022;

// What makes an entry of index.json a record.
constexpr char kReference[] = "io.mosb.store.reference";
constexpr char kScope[] = "io.mosb.store.scope";
/// The index's descriptor as JSON text, as Notary keeps a list in an annotation.
constexpr char kIndex[] = "io.mosb.store.index";
/// Decimal; so that listing images reads no manifest.
constexpr char kSize[] = "io.mosb.store.size";

std::string lock_path(const std::string& dir) {
  return dir + "/.mosb-users";
}

/// A name under which other tools list the image: the reference without its transport.
std::optional<std::string> short_name(const std::string& ref) {
  std::string_view name = ref;
  for (const std::string_view prefix : {"docker://", "oci:", "oci-archive:"}) {
    if (name.substr(0, prefix.size()) == prefix) {
      name.remove_prefix(prefix.size());
    }
  }
  while (!name.empty() && (name.front() == '/' || name.front() == '.')) {
    name.remove_prefix(1);
  }
  return is_ref_name(name) ? std::optional(std::string(name)) : std::nullopt;
}

/// nullopt for an entry that is no record: a signature or an index.
Result<std::optional<StoredImage>> to_image(const Descriptor& entry) {
  const auto ref = entry.annotations.find(kReference);
  if (ref == entry.annotations.end()) {
    return std::optional<StoredImage>();
  }
  const auto scope = entry.annotations.find(kScope);
  if (scope == entry.annotations.end()) {
    return Error(Errc::kState, "the record of " + quote(ref->second) + " has no scope");
  }
  StoredImage image{.ref = ref->second, .scope = scope->second, .manifest = bare(entry)};
  if (const auto index = entry.annotations.find(kIndex); index != entry.annotations.end()) {
    const Json json = MOSB_TRY(json::parse(index->second, kMaxManifestSize));
    image.index = MOSB_TRY(parse_descriptor(json));
  }
  if (const auto size = entry.annotations.find(kSize); size != entry.annotations.end()) {
    image.size = ByteCount{MOSB_TRY(
        parse_uint(size->second, 0, std::numeric_limits<std::uint64_t>::max()).context(kSize))};
  }
  return std::optional(std::move(image));
}

bool is_record_of(const Json& entry, const StoredImage& image) {
  const auto annotations = entry.find("annotations");
  return annotations != entry.end() && annotations->value(kReference, "") == image.ref &&
         annotations->contains(kReference) && annotations->value(kScope, "") == image.scope;
}

Status put(Json& manifests, const StoredImage& image, Json wanted) {
  for (Json& entry : manifests) {
    if (is_record_of(entry, image)) {
      entry = std::move(wanted);
      return ok();
    }
  }
  manifests.push_back(std::move(wanted));
  return ok();
}

Status drop(Json& manifests, const StoredImage& image) {
  Json left = Json::array();
  for (Json& entry : manifests) {
    if (!is_record_of(entry, image)) {
      left.push_back(std::move(entry));
    }
  }
  manifests = std::move(left);
  return ok();
}

Status check_private(const std::string& dir) {
  const struct stat st = MOSB_TRY(sys::lstat(dir));
  if (S_ISDIR(st.st_mode) && (st.st_mode & kOthersWrite) != 0) {
    return Error(Errc::kState, quote(dir) + " can be written by others")
        .with_hint("chmod 0700 " + dir);
  }
  return ok();
}

}  // namespace

bool is_record(const Descriptor& entry) {
  return entry.annotations.contains(kReference);
}

bool StoredImage::operator==(const StoredImage& other) const {
  return ref == other.ref && scope == other.scope && manifest == other.manifest &&
         index == other.index;
}

Json Store::entry_of(const StoredImage& image) {
  Descriptor entry = bare(image.manifest);
  entry.annotations = {{kReference, image.ref}, {kScope, image.scope}};
  if (const auto name = short_name(image.ref)) {
    entry.annotations[kRefName] = *name;
  }
  if (image.index) {
    entry.annotations[kIndex] = print_json(to_json(bare(*image.index)));
  }
  return to_json(entry);
}

Result<Store> Store::open(const std::string& dir) {
  const std::string what = "open the image store " + quote(dir);
  auto layout = Layout::open(dir);
  if (!layout) {
    // Where only index.json is missing, there is a store, and it is damaged.
    const bool none = layout.error().code() == Errc::kNotFound && !path_exists(dir + "/oci-layout");
    return std::move(layout)
        .error()
        .as(none ? Errc::kNotFound : Errc::kState)
        .context(what)
        .with_hint("`mosb apply` makes a damaged index anew");
  }
  MOSB_CHECK(check_private(dir).context(what));
  layout->temp_dir_ = dir + "/tmp";
  layout->notes_subjects_ = true;
  return Store(*std::move(layout));
}

bool Store::exists(const std::string& dir) {
  if (path_exists(dir + "/oci-layout")) {
    return true;  // without going through thousands of blobs
  }
  const auto blobs = list_dir(dir + "/blobs/sha256");
  return blobs && !blobs->empty();
}

Result<Store> Store::open_or_create(const std::string& dir) {
  const std::string what = "open the image store " + quote(dir);
  auto store = open(dir);
  if (!store && store.error().code() == Errc::kNotFound) {
    MOSB_CHECK(Layout::create(dir, kPrivate).as(Errc::kState).context(what));
    store = open(dir);
  }
  if (!store) {
    return std::move(store).error().as(Errc::kState);
  }
  store->lock_ = MOSB_TRY(FileLock::share(lock_path(dir)).context(what));
  const std::string temp_dir = store->layout_.temp_dir();
  MOSB_CHECK(sys::mkdir_all(temp_dir, kPrivate).context(what));
  MOSB_CHECK(remove_abandoned(temp_dir).context(what));
  return store;
}

Result<Store> Store::open_alone(const std::string& dir) {
  Store store = MOSB_TRY(open(dir));
  auto lock = FileLock::acquire(lock_path(dir));
  if (!lock) {
    const bool busy = lock.error().code() == Errc::kBusy;
    return std::move(lock)
        .error()
        .context(busy ? "a pull into the image store is running" : "open the image store")
        .with_hint(busy ? "wait until it is done" : "");
  }
  store.lock_ = *std::move(lock);
  return store;
}

Result<std::vector<StoredImage>> Store::images() const {
  const std::string what = "read the image store " + quote(layout_.dir());
  std::vector<StoredImage> images;
  const std::shared_ptr<const Index> index =
      MOSB_TRY(look_at_layout_index(layout_.dir()).as(Errc::kState).context(what));
  for (const Descriptor& entry : index->manifests) {
    if (auto image = MOSB_TRY(to_image(entry).as(Errc::kState).context(what))) {
      images.push_back(*std::move(image));
    }
  }
  return images;
}

Result<std::optional<StoredImage>> Store::find(const std::string& ref_or_digest,
                                               const std::string& scope) const {
  for (StoredImage& image : MOSB_TRY(images())) {
    const bool named = image.ref == ref_or_digest || image.manifest.digest.str() == ref_or_digest;
    if (named && image.scope == scope) {
      return std::optional(std::move(image));
    }
  }
  return std::optional<StoredImage>();
}

Result<std::vector<StoredImage>> Store::find_all(const Digest& manifest) const {
  std::vector<StoredImage> found;
  for (StoredImage& image : MOSB_TRY(images())) {
    if (image.manifest.digest == manifest) {
      found.push_back(std::move(image));
    }
  }
  return found;
}

Status Store::record(const StoredImage& image) {
  const std::string what =
      "record " + quote(image.ref) + " in the image store " + quote(layout_.dir());
  if (image.ref.empty() || image.scope.empty()) {
    return Error(Errc::kInternal, what + ": without reference or scope");
  }
  const std::string bytes = MOSB_TRY(layout_.read_manifest(image.manifest).context(what));
  // Nobody removes records while this store is open for writing.
  const std::vector<StoredImage> records = MOSB_TRY(images().context(what));
  const auto same = std::find(records.begin(), records.end(), image);
  if (lock_ && same != records.end() && same->size) {
    return ok();
  }
  Json entry = entry_of(image);
  // What can be told of the manifest goes with the record, so that nobody need read it for that.
  if (const auto manifest = Manifest::parse(bytes, image.manifest.media_type)) {
    Json& annotations = entry["annotations"];
    annotations[kSize] = std::to_string(image_size(image.manifest, *manifest).value);
    annotations[kSubjectNote] = manifest->subject ? manifest->subject->digest.str() : "";
  }
  return layout_
      .edit_index([&](Json& manifests) { return put(manifests, image, std::move(entry)); })
      .as(Errc::kState)
      .context(what);
}

Status Store::forget(const StoredImage& image) {
  return layout_.edit_index([&](Json& manifests) { return drop(manifests, image); })
      .as(Errc::kState)
      .context("forget " + quote(image.ref) + " in the image store " + quote(layout_.dir()));
}

Result<ByteCount> Store::size(const StoredImage& image) {
  if (image.size) {
    return *image.size;
  }
  const std::string bytes = MOSB_TRY(layout_.read_manifest(image.manifest));
  return image_size(image.manifest, MOSB_TRY(Manifest::parse(bytes, image.manifest.media_type)));
}

Result<bool> Store::has_blob(const Descriptor& descriptor) const {
  return layout_.has_blob(descriptor);
}

}  // namespace mosb::oci
