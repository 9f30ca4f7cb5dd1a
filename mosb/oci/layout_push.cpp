// How manifests get into a layout's index.json.

#include <algorithm>
#include <memory>
#include <string>

#include "mosb/base/text.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/name_grammar.h"

namespace mosb::oci {

namespace {

std::string tag_of(const Json& entry) {
  const auto annotations = entry.find("annotations");
  return annotations == entry.end() ? "" : annotations->value(kRefName, "");
}

void remove_tag(Json& entry) {
  Json& annotations = entry["annotations"];
  annotations.erase(kRefName);
  if (annotations.empty()) {
    entry.erase("annotations");
  }
}

/// An entry for the digest, with the tag or, failing that, without any; or nullptr.
Json* find_entry(Json& manifests, const std::string& digest, const std::string& tag) {
  Json* untagged = nullptr;
  for (Json& entry : manifests) {
    if (entry["digest"] != digest) {
      continue;
    }
    const std::string name = tag_of(entry);
    if (name == tag || tag.empty()) {
      return &entry;
    }
    if (name.empty()) {
      untagged = &entry;
    }
  }
  return untagged;
}

/// As skopeo does it: what had the tag before stays, without it.
Status list_manifest(Json& manifests, const Descriptor& descriptor, const std::string& tag) {
  const std::string digest = descriptor.digest.str();
  for (Json& entry : manifests) {
    if (!tag.empty() && tag_of(entry) == tag && entry["digest"] != digest) {
      remove_tag(entry);
    }
  }
  Json* entry = find_entry(manifests, digest, tag);
  if (entry == nullptr) {
    manifests.push_back(to_json(descriptor));
    entry = &manifests.back();
  }
  if (!tag.empty()) {
    (*entry)["annotations"][kRefName] = tag;
  }
  return ok();
}

/// Those that say nothing to mosb's store: a stranger's manifest must not make a record of itself,
/// nor take a tag.
Annotations foreign_annotations(const Manifest& manifest) {
  Annotations annotations = manifest.annotations;
  std::erase_if(annotations, [](const auto& annotation) {
    return annotation.first.starts_with(kStoreNotes) || annotation.first == kRefName;
  });
  return annotations;
}

}  // namespace

Status Layout::store_manifest(const Descriptor& descriptor, std::string_view bytes) {
  MOSB_CHECK(check_content(descriptor, bytes));
  if (is_index_type(descriptor.media_type)) {
    MOSB_CHECK(Index::parse(bytes, descriptor.media_type));
  } else {
    MOSB_CHECK(Manifest::parse(bytes, descriptor.media_type));
  }
  return push_blob(descriptor, BlobSource::bytes(std::string(bytes)));
}

Status Layout::push_manifest(const Descriptor& descriptor,
                             std::string_view bytes,
                             const std::optional<std::string>& tag) {
  const std::string what = "write manifest " + descriptor.digest.str() + " to " + quote(dir_);
  if (tag && !is_ref_name(*tag)) {
    return Error(Errc::kUsage, what + ": malformed tag " + quote(*tag));
  }
  MOSB_CHECK(store_manifest(descriptor, bytes).context(what));
  return edit_index([&](Json& manifests) {
           return list_manifest(manifests, descriptor, tag.value_or(""));
         })
      .context(what);
}

Status Layout::push_referrer(const Descriptor& manifest,
                             std::string_view bytes,
                             const Descriptor& subject) {
  const std::string what = "write manifest " + manifest.digest.str() + " to " + quote(dir_);
  if (!is_manifest_type(manifest.media_type)) {
    return Error(Errc::kContent, what + ": it is of type " + quote(manifest.media_type));
  }
  const Manifest parsed = MOSB_TRY(Manifest::parse(bytes, manifest.media_type).context(what));
  if (!parsed.subject || !same_content(*parsed.subject, subject)) {
    return Error(Errc::kContent, what + ": its subject is not " + subject.digest.str());
  }
  MOSB_CHECK(store_manifest(manifest, bytes).context(what));
  // As notation writes it: the manifest's annotations, no artifact type.
  Descriptor entry = bare(manifest);
  entry.annotations = foreign_annotations(parsed);
  if (notes_subjects_) {
    entry.annotations[kSubjectNote] = subject.digest.str();
  }
  const std::shared_ptr<const Index> index = MOSB_TRY(look_at_layout_index(dir_).context(what));
  const bool listed =
      std::any_of(index->manifests.begin(), index->manifests.end(), [&](const Descriptor& other) {
        return other.digest == entry.digest;
      });
  return listed ? ok() : edit_index([&](Json& manifests) {
                           return list_manifest(manifests, entry, "");
                         }).context(what);
}

}  // namespace mosb::oci
