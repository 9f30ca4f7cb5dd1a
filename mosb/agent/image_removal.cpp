#include "mosb/agent/image_removal.h"

#include <set>
#include <utility>

#include "mosb/agent/image_users.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/agent/suspects.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/store_contents.h"
#include "mosb/oci/store_garbage.h"

namespace mosb::agent {

namespace {

constexpr char kListHint[] = "`mosb image ls` lists the images";

Error no_image(const std::string& ref, const std::string& scope) {
  const std::string under = scope.empty() ? "" : " under the trust scope " + quote(scope);
  return Error(Errc::kNotFound, "the store has no image " + quote(ref) + under)
      .with_hint(kListHint);
}

/// The records that the reference names. They are of one scope.
Result<std::vector<oci::StoredImage>> choose_records(const std::vector<oci::StoredImage>& records,
                                                     const std::string& ref,
                                                     const std::string& scope) {
  std::vector<oci::StoredImage> chosen;
  std::set<std::string> scopes;
  for (const oci::StoredImage& image : records) {
    const bool named = image.ref == ref || image.manifest.digest.str() == ref;
    if (named && (scope.empty() || image.scope == scope)) {
      chosen.push_back(image);
      scopes.insert(quote(image.scope));
    }
  }
  if (chosen.empty()) {
    return no_image(ref, scope);
  }
  if (scopes.size() > 1) {
    return Error(Errc::kUsage,
                 quote(ref) + " was accepted under several trust scopes: " +
                     join(std::vector<std::string>(scopes.begin(), scopes.end()), ", "))
        .with_hint("name one of them with --scope");
  }
  return chosen;
}

Status check_unused(const std::vector<oci::StoredImage>& chosen,
                    const std::vector<ImageUser>& users) {
  for (const oci::StoredImage& image : chosen) {
    const std::vector<ImageUser> found = users_of(image, users);
    if (!found.empty()) {
      return Error(Errc::kBusy, quote(image.ref) + " is used by " + join(names_of(found), ", "))
          .with_hint(found.front().release);
    }
  }
  return ok();
}

Status forget_all(oci::Store& store, const std::vector<oci::StoredImage>& records) {
  for (const oci::StoredImage& image : records) {
    MOSB_CHECK(store.forget(image));
  }
  return ok();
}

/// Only of `garbage` what is among `candidates`.
oci::StoreGarbage restricted(const oci::StoreGarbage& garbage, const std::set<Digest>& candidates) {
  oci::StoreGarbage some;
  for (const auto& [digest, size] : garbage.blobs) {
    if (candidates.contains(digest)) {
      some.blobs.emplace(digest, size);
    }
  }
  for (const Digest& digest : garbage.entries) {
    if (candidates.contains(digest)) {
      some.entries.insert(digest);
    }
  }
  for (const Digest& digest : garbage.listed) {
    if (candidates.contains(digest)) {
      some.listed.insert(digest);
    }
  }
  return some;
}

std::vector<std::string> warnings_of(const oci::StoreContents& contents) {
  std::vector<std::string> warnings;
  warnings.reserve(contents.unknown.size());
  for (const std::string& path : contents.unknown) {
    warnings.push_back(quote(path) + " is not mosb's and is left alone");
  }
  return warnings;
}

Status sweep(const Instance& instance, oci::Store& store, const oci::StoreGarbage& garbage) {
  MOSB_CHECK(remove_garbage(store, garbage));
  for (const auto& [digest, size] : garbage.blobs) {
    MOSB_CHECK(clear_suspect(instance.paths(), digest));
    MOSB_CHECK(forget_scan(instance.paths(), digest));
  }
  return ok();
}

}  // namespace

Result<ImageRemoval> remove_image(const Instance& instance,
                                  const std::string& ref,
                                  const std::string& scope) {
  const std::string what = "remove image " + quote(ref);
  if (!oci::Store::exists(instance.paths().store())) {
    return no_image(ref, scope).context(what);
  }
  oci::Store store = MOSB_TRY(oci::Store::open_alone(instance.paths().store()).context(what));
  const auto records = MOSB_TRY(store.images());
  ImageRemoval removal;
  removal.records = MOSB_TRY(choose_records(records, ref, scope).context(what));
  const auto users = MOSB_TRY(image_users(instance.paths(), store, records).context(what));
  MOSB_CHECK(check_unused(removal.records, users).context(what));
  const oci::StorePins pins = pins_of(users);
  const auto before = MOSB_TRY(read_contents(store, pins.manifests).context(what));
  const std::set<Digest> candidates = blobs_of(removal.records, before);
  MOSB_CHECK(forget_all(store, removal.records));
  const auto after = MOSB_TRY(read_contents(store, pins.manifests).context(what));
  const auto needed = needed_blobs(after, pins);
  removal.kept = after.blobs.size();
  if (!needed) {
    removal.warnings.push_back("blobs were left in the store: " + needed.error().message());
    return removal;
  }
  const oci::StoreGarbage garbage = restricted(garbage_in(after, *needed), candidates);
  MOSB_CHECK(sweep(instance, store, garbage).context(what));
  removal.bytes = garbage.bytes();
  removal.kept -= garbage.blobs.size();
  removal.blobs = garbage.blobs;
  return removal;
}

Result<ImageRemoval> collect_images(const Instance& instance, Removal how) {
  const std::string what = "collect what no image needs";
  if (!oci::Store::exists(instance.paths().store())) {
    return ImageRemoval();
  }
  oci::Store store = MOSB_TRY(oci::Store::open_alone(instance.paths().store()).context(what));
  const auto users =
      MOSB_TRY(image_users(instance.paths(), store, MOSB_TRY(store.images())).context(what));
  const oci::StorePins pins = pins_of(users);
  const auto contents = MOSB_TRY(read_contents(store, pins.manifests).context(what));
  const auto needed = MOSB_TRY(needed_blobs(contents, pins).context(what));
  const oci::StoreGarbage garbage = garbage_in(contents, needed);
  if (how == Removal::kDo) {
    MOSB_CHECK(oci::remove_parts(store.layout().temp_dir()).context(what));
    MOSB_CHECK(sweep(instance, store, garbage).context(what));
  }
  return ImageRemoval{.records = {},
                      .blobs = garbage.blobs,
                      .bytes = garbage.bytes(),
                      .kept = contents.blobs.size() - garbage.blobs.size(),
                      .warnings = warnings_of(contents)};
}

}  // namespace mosb::agent
