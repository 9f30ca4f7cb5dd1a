// What a layout's index.json leads to: tags, digests and referrers.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mosb/base/text.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"

namespace mosb::oci {

namespace {

std::string tag_of(const Descriptor& entry) {
  const auto it = entry.annotations.find(kRefName);
  return it == entry.annotations.end() ? "" : it->second;
}

/// What a manifest or index says about being a referrer.
struct Referrer {
  std::optional<Descriptor> subject;
  Descriptor descriptor;
};

Result<Referrer> parse_referrer(const Descriptor& entry, std::string_view bytes) {
  Referrer referrer{.subject = std::nullopt, .descriptor = bare(entry)};
  if (is_index_type(entry.media_type)) {
    Index index = MOSB_TRY(Index::parse(bytes, entry.media_type));
    referrer.subject = std::move(index.subject);
    referrer.descriptor.artifact_type = std::move(index.artifact_type);
    referrer.descriptor.annotations = std::move(index.annotations);
    return referrer;
  }
  Manifest manifest = MOSB_TRY(Manifest::parse(bytes, entry.media_type));
  referrer.descriptor.artifact_type = manifest.effective_artifact_type();
  referrer.subject = std::move(manifest.subject);
  referrer.descriptor.annotations = std::move(manifest.annotations);
  return referrer;
}

/// nullptr if nothing is noted.
const std::string* noted_subject(const Descriptor& entry) {
  const auto it = entry.annotations.find(kSubjectNote);
  return it == entry.annotations.end() ? nullptr : &it->second;
}

std::string some_of(const std::set<std::string>& names) {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kMost) {
      shown.emplace_back("…");
      break;
    }
    shown.push_back(escape(name));
  }
  return join(shown, ", ");
}

}  // namespace

Status Layout::walk(const std::function<Result<bool>(const Descriptor&)>& visit) {
  const std::shared_ptr<const Index> index = MOSB_TRY(look_at_layout_index(dir_));
  const auto read = [this](const Descriptor& entry) -> Result<std::string> {
    if (notes_subjects_) {
      return Error(Errc::kNotFound, "");
    }
    return read_manifest(entry);
  };
  return walk_layout(*index, read, visit);
}

Result<Descriptor> Layout::find_tag(const std::string& tag) const {
  const Index roots = MOSB_TRY(index());
  std::optional<Descriptor> found;
  std::set<std::string> tags;
  for (const Descriptor& entry : roots.manifests) {
    const std::string name = tag_of(entry);
    if (!name.empty()) {
      tags.insert(name);
    }
    if (name != tag) {
      continue;
    }
    if (found && !same_content(*found, entry)) {
      return Error(Errc::kContent,
                   quote(dir_) + " names two manifests " + quote(tag) + ": " + found->digest.str() +
                       " and " + entry.digest.str());
    }
    found = entry;
  }
  if (!found) {
    Error error(Errc::kNotFound, "no manifest is named " + quote(tag) + " in " + quote(dir_));
    return tags.empty() ? error : std::move(error).with_hint("there is " + some_of(tags));
  }
  return bare(*found);
}

Result<Descriptor> Layout::find_digest(const Digest& digest) {
  std::optional<Descriptor> found;
  MOSB_CHECK(walk([&](const Descriptor& entry) -> Result<bool> {
    if (entry.digest == digest) {
      found = bare(entry);
    }
    return !found;
  }));
  if (!found) {
    return Error(Errc::kNotFound, "no manifest " + digest.str() + " in " + quote(dir_));
  }
  return *found;
}

/// Without tag and digest: the one tagged manifest, else the one that is no referrer.
Result<Descriptor> Layout::find_only() {
  const Index roots = MOSB_TRY(index());
  std::set<std::string> tags;
  std::map<Digest, Descriptor> tagged;
  std::map<Digest, Descriptor> images;
  for (const Descriptor& entry : roots.manifests) {
    if (const std::string tag = tag_of(entry); !tag.empty()) {
      tags.insert(tag);
      tagged.emplace(entry.digest, entry);
      continue;
    }
    const auto bytes = read_manifest(entry);
    const auto referrer = bytes ? parse_referrer(entry, *bytes) : Result<Referrer>(bytes.error());
    if (!referrer || !referrer->subject) {
      images.emplace(entry.digest, entry);
    }
  }
  const auto& candidates = tagged.empty() ? images : tagged;
  if (candidates.empty()) {
    return Error(Errc::kNotFound, quote(dir_) + " is empty");
  }
  if (candidates.size() > 1) {
    return Error(Errc::kUsage,
                 quote(dir_) + " has " + std::to_string(candidates.size()) + " images")
        .with_hint(tags.empty() ? "name one by its digest" : "name one of them: " + some_of(tags));
  }
  return bare(candidates.begin()->second);
}

Result<Descriptor> Layout::resolve(const Reference& reference) {
  if (reference.digest) {
    return find_digest(*reference.digest);
  }
  return reference.tag ? find_tag(*reference.tag) : find_only();
}

Result<std::vector<Descriptor>> Layout::referrers(const Descriptor& subject,
                                                  const std::string& artifact_type) {
  std::vector<Descriptor> found;
  std::optional<Error> damage;
  MOSB_CHECK(walk([&](const Descriptor& entry) -> Result<bool> {
    const std::string* const noted = notes_subjects_ ? noted_subject(entry) : nullptr;
    if ((!is_manifest_type(entry.media_type) && !is_index_type(entry.media_type)) ||
        (noted != nullptr && *noted != subject.digest.str())) {
      return true;
    }
    // One damaged manifest must not hide the signatures of all other images: what can't be read
    // is nobody's referrer, unless it is known to be this one's.
    const auto bytes = read_manifest(entry);
    if (!bytes) {
      if (noted != nullptr) {
        damage = bytes.error();
      }
      return true;
    }
    const auto referrer = parse_referrer(entry, *bytes);
    if (referrer && referrer->subject && same_content(*referrer->subject, subject) &&
        (artifact_type.empty() || referrer->descriptor.artifact_type == artifact_type)) {
      found.push_back(referrer->descriptor);
    }
    return found.size() < kMaxReferrers;
  }));
  // Nobody can say that it has no signature.
  if (found.empty() && damage) {
    return std::move(*damage)
        .as(Errc::kContent)
        .context("what refers to " + subject.digest.str())
        .with_hint("apply the manifest again to fetch it");
  }
  return found;
}

}  // namespace mosb::oci
