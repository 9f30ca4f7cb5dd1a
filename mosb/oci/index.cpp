#include "mosb/oci/index.h"

#include <optional>
#include <set>

#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

bool is_index_type(std::string_view media_type) {
  return media_type == kImageIndex || media_type == kDockerManifestList;
}

Result<Index> Index::parse(std::string_view bytes, const std::string& media_type) {
  if (!is_index_type(media_type)) {
    return Error(Errc::kContent, quote(media_type) + " is not the media type of an image index");
  }
  const Json document =
      MOSB_TRY(parse_document(bytes,
                              kMaxManifestSize,
                              {.media_type = media_type,
                               .media_type_optional = media_type == kImageIndex,
                               .foreign_members = {"layers", "config", "fsLayers"}}));
  Index index{.media_type = media_type};
  index.manifests = MOSB_TRY(parse_descriptors(document, "manifests", kMaxIndexEntries));
  index.artifact_type = MOSB_TRY(json::optional_string(document, "artifactType"));
  index.annotations = MOSB_TRY(json::optional_string_map(document, "annotations"));
  if (const Json* const subject = MOSB_TRY(json::optional_object(document, "subject"))) {
    index.subject = MOSB_TRY(parse_descriptor(*subject).context("subject"));
  }
  return index;
}

std::string Index::print() const {
  Json document = {{"schemaVersion", 2}, {"mediaType", media_type}, {"manifests", Json::array()}};
  for (const Descriptor& manifest : manifests) {
    document["manifests"].push_back(to_json(manifest));
  }
  if (subject) {
    document["subject"] = to_json(*subject);
  }
  if (artifact_type) {
    document["artifactType"] = *artifact_type;
  }
  if (!annotations.empty()) {
    document["annotations"] = annotations;
  }
  return print_json(document);
}

Result<Descriptor> choose_platform(const Index& index, const Platform& platform) {
  std::optional<Descriptor> chosen;
  std::set<std::string> offered;
  for (const Descriptor& manifest : index.manifests) {
    if (!manifest.platform) {
      continue;
    }
    offered.insert(manifest.platform->str());
    if (!matches(*manifest.platform, platform)) {
      continue;
    }
    if (chosen) {
      return Error(Errc::kContent,
                   "two manifests for " + platform.str() + ": " + chosen->digest.str() + " and " +
                       manifest.digest.str());
    }
    chosen = manifest;
  }
  if (!chosen) {
    const std::vector<std::string> list(offered.begin(), offered.end());
    return Error(Errc::kHost,
                 "no manifest for " + platform.str() +
                     (list.empty() ? ": the index names no platform"
                                   : ", only for " + escape(join(list, ", "))));
  }
  return *chosen;
}

}  // namespace mosb::oci
