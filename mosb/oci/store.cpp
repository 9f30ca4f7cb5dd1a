#include "mosb/oci/store.h"

#include <utility>

#include <sys/stat.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"
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

Json to_entry(const StoredImage& image) {
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
  return std::optional(std::move(image));
}

bool is_record_of(const Json& entry, const StoredImage& image) {
  const auto annotations = entry.find("annotations");
  return annotations != entry.end() && annotations->value(kReference, "") == image.ref &&
         annotations->contains(kReference) && annotations->value(kScope, "") == image.scope;
}

Status put(Json& manifests, const StoredImage& image) {
  Json wanted = to_entry(image);
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

Result<Store> Store::open(const std::string& dir) {
  const std::string what = "open the image store " + quote(dir);
  auto layout = Layout::open(dir);
  if (!layout) {
    const Errc code = layout.error().code();
    return std::move(layout)
        .error()
        .as(code == Errc::kNotFound ? code : Errc::kState)
        .context(what);
  }
  MOSB_CHECK(check_private(dir).context(what));
  layout->temp_dir_ = dir + "/tmp";
  return Store(*std::move(layout));
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
  const std::string temp_dir = store->layout_.temp_dir();
  MOSB_CHECK(sys::mkdir_all(temp_dir, kPrivate).context(what));
  MOSB_CHECK(remove_abandoned(temp_dir).context(what));
  return store;
}

Result<std::vector<StoredImage>> Store::images() const {
  const std::string what = "read the image store " + quote(layout_.dir());
  std::vector<StoredImage> images;
  const Index index = MOSB_TRY(layout_.index().as(Errc::kState).context(what));
  for (const Descriptor& entry : index.manifests) {
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
  MOSB_CHECK(layout_.read_manifest(image.manifest).context(what));
  return layout_.edit_index([&](Json& manifests) { return put(manifests, image); })
      .as(Errc::kState)
      .context(what);
}

Status Store::forget(const StoredImage& image) {
  return layout_.edit_index([&](Json& manifests) { return drop(manifests, image); })
      .as(Errc::kState)
      .context("forget " + quote(image.ref) + " in the image store " + quote(layout_.dir()));
}

Result<bool> Store::has_blob(const Descriptor& descriptor) const {
  return layout_.has_blob(descriptor);
}

}  // namespace mosb::oci
