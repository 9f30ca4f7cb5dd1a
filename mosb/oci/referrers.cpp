#include "mosb/oci/referrers.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/link_header.h"
#include "mosb/oci/media_types.h"

namespace mosb::oci {

namespace {

using namespace std::chrono_literals;

/// How often an index is written anew because another writer's index replaced it.
constexpr int kMaxIndexWrites = 8;

/// The document of an index, with its `manifests` for certain an array.
Result<Json> parse_index(std::string_view bytes) {
  Json index = MOSB_TRY(json::parse(bytes, kMaxManifestSize));
  if (!index.is_object()) {
    return Error(Errc::kContent, "an index that is not an object");
  }
  const auto media_type = MOSB_TRY(json::optional_string(index, "mediaType"));
  if (media_type && *media_type != kImageIndex) {
    return Error(Errc::kContent, "an index of media type " + quote(*media_type));
  }
  // Absent or null, as some registries write an empty list.
  if (!index.contains("manifests") || index["manifests"].is_null()) {
    index["manifests"] = Json::array();
  }
  MOSB_CHECK(json::require_array(index, "manifests"));
  return index;
}

/// Adds the entries of the wanted type, up to the limit.
Status collect(const Json& index, const std::string& artifact_type, std::vector<Descriptor>& out) {
  for (const Json& entry : index["manifests"]) {
    if (out.size() == kMaxReferrers) {
      return ok();
    }
    const auto type = MOSB_TRY(json::optional_string(entry, "artifactType"));
    if (artifact_type.empty() || type == artifact_type) {
      out.push_back(MOSB_TRY(parse_descriptor(entry)));
    }
  }
  return ok();
}

bool is_name_unknown(const std::string& body) {
  const auto document = json::parse(body, kMaxErrorBody);
  const auto errors = document ? json::optional_array(*document, "errors") : nullptr;
  return errors && *errors != nullptr &&
         std::any_of((*errors)->begin(), (*errors)->end(), [](const Json& error) {
           const auto code = json::optional_string(error, "code");
           return code && *code == "NAME_UNKNOWN";
         });
}

Result<HttpResponse> get_page(RegistrySession& session, const Url& url) {
  HttpRequest get = RegistrySession::request(HttpMethod::kGet, url);
  get.headers.emplace_back("Accept", kImageIndex);
  get.max_body = kMaxManifestSize;
  return session.send(std::move(get), Access::kPull);
}

/// What an answer of the API means; nullopt: there is no API here.
Result<std::optional<Json>> judge_page(RegistrySession& session, const HttpResponse& page) {
  if (page.status == 404 && !is_name_unknown(page.body)) {
    return std::optional<Json>();
  }
  if (page.status != 200) {
    return session.refusal(page, "list of referrers");
  }
  const auto content_type = MOSB_TRY(page.headers.find("Content-Type"));
  if (content_type != kImageIndex) {
    return std::optional<Json>();
  }
  return std::optional<Json>(MOSB_TRY(parse_index(page.body)));
}

/// nullopt: the registry has no referrers API.
Result<std::optional<std::vector<Descriptor>>> list_by_api(RegistrySession& session,
                                                           const Digest& subject,
                                                           const std::string& artifact_type) {
  std::vector<Descriptor> found;
  Url url = session.url("referrers/" + subject.str());
  if (!artifact_type.empty()) {
    url.target += "?artifactType=" + percent_encode(artifact_type);
  }
  for (unsigned page = 0; page < kMaxReferrersPages; ++page) {
    const HttpResponse response = MOSB_TRY(get_page(session, url));
    const std::optional<Json> index = MOSB_TRY(judge_page(session, response));
    if (!index && page == 0) {
      return std::optional<std::vector<Descriptor>>();
    }
    if (!index) {
      return Error(Errc::kContent, "page " + std::to_string(page + 1) + " is not an image index");
    }
    MOSB_CHECK(collect(*index, artifact_type, found));
    const auto next = MOSB_TRY(next_link(response.headers.find_all("Link")));
    if (!next) {
      return std::optional<std::vector<Descriptor>>(std::move(found));
    }
    const Url next_url = MOSB_TRY(url.resolve(*next).context("Link header"));
    if (!next_url.same_origin(url)) {
      return Error(Errc::kNetwork,
                   "the next page is said to be on another host, " + quote(next_url.authority()));
    }
    url = next_url;
  }
  return Error(Errc::kContent, "more than " + std::to_string(kMaxReferrersPages) + " pages");
}

/// The index under the referrers tag; nullopt if there is none.
Result<std::optional<FetchedManifest>> get_tag_index(RegistrySession& session,
                                                     const Digest& subject) {
  auto fetched = session.get_manifest(referrers_tag(subject), {kImageIndex}, std::nullopt);
  if (!fetched && fetched.error().code() == Errc::kNotFound) {
    return std::optional<FetchedManifest>();
  }
  return std::optional<FetchedManifest>(MOSB_TRY(std::move(fetched)));
}

bool same_entry(const Json& a, const Json& b) {
  return a.value("digest", Json()) == b.value("digest", Json()) &&
         a.value("mediaType", Json()) == b.value("mediaType", Json()) &&
         a.value("size", Json()) == b.value("size", Json());
}

Status put_index(RegistrySession& session, const Digest& subject, const Json& index) {
  const std::string bytes = index.dump();
  if (bytes.size() > kMaxManifestSize.value) {
    return Error(Errc::kContent,
                 "the list of referrers would have more than " +
                     std::to_string(kMaxManifestSize.value) + " bytes");
  }
  MOSB_CHECK(session.put_manifest(referrers_tag(subject), kImageIndex, bytes));
  return ok();
}

/// An index that a newer one has replaced is garbage; many registries do not let clients delete.
void delete_index(RegistrySession& session, const Digest& digest) {
  const auto deleted = session.send(
      RegistrySession::request(HttpMethod::kDelete, session.url("manifests/" + digest.str())),
      Access::kDelete);
  if (!deleted || deleted->status != 202) {
    log::debug("referrers index " + digest.str() + " of " + session.name() +
               " was replaced but could not be deleted, ignoring");
  }
}

}  // namespace

std::string referrers_tag(const Digest& subject) {
  return "sha256-" + subject.hex();
}

Result<std::vector<Descriptor>> list_referrers(RegistrySession& session,
                                               const Digest& subject,
                                               const std::string& artifact_type) {
  if (session.has_referrers_api().value_or(true)) {
    auto listed = MOSB_TRY(list_by_api(session, subject, artifact_type));
    session.has_referrers_api() = listed.has_value();
    if (listed) {
      return *std::move(listed);
    }
  }
  std::vector<Descriptor> found;
  const auto fetched = MOSB_TRY(get_tag_index(session, subject));
  if (fetched) {
    const std::string what = "index " + referrers_tag(subject);
    const Json index = MOSB_TRY(parse_index(fetched->bytes).context(what));
    MOSB_CHECK(collect(index, artifact_type, found).context(what));
  }
  return found;
}

Result<Json> referrer_entry(const Descriptor& manifest, std::string_view bytes) {
  const Json document = MOSB_TRY(json::parse(bytes, kMaxManifestSize));
  Descriptor entry = bare(manifest);
  entry.annotations = MOSB_TRY(json::optional_string_map(document, "annotations"));
  entry.artifact_type = MOSB_TRY(json::optional_string(document, "artifactType"));
  if (entry.artifact_type.value_or("").empty()) {
    const Json* const config = MOSB_TRY(json::optional_object(document, "config"));
    entry.artifact_type =
        config == nullptr ? std::nullopt : MOSB_TRY(json::optional_string(*config, "mediaType"));
  }
  return to_json(entry);
}

Result<std::optional<Json>> with_referrer(Json index, const Json& entry) {
  Json kept = Json::array();
  for (Json& old : index["manifests"]) {
    if (!old.is_object()) {
      return Error(Errc::kContent, "an entry that is not an object");
    }
    if (same_entry(old, entry)) {
      return std::optional<Json>();
    }
    const bool seen = std::any_of(
        kept.begin(), kept.end(), [&old](const Json& other) { return same_entry(old, other); });
    if (!old.empty() && !seen) {
      kept.push_back(std::move(old));
    }
  }
  kept.push_back(entry);
  index["manifests"] = std::move(kept);
  index["mediaType"] = kImageIndex;
  index["schemaVersion"] = 2;
  return std::optional<Json>(std::move(index));
}

Status add_to_referrers_tag(RegistrySession& session, const Digest& subject, const Json& entry) {
  std::vector<Digest> replaced;
  for (int writes = 0; writes <= kMaxIndexWrites; ++writes) {
    const auto start = std::chrono::steady_clock::now();
    const auto old = MOSB_TRY(get_tag_index(session, subject));
    Json index = old ? MOSB_TRY(parse_index(old->bytes).context("index " + referrers_tag(subject)))
                     : Json{{"manifests", Json::array()}};
    const auto extended = MOSB_TRY(with_referrer(std::move(index), entry));
    if (!extended) {
      for (const Digest& digest : replaced) {
        if (digest != old->descriptor.digest) {
          delete_index(session, digest);
        }
      }
      return ok();
    }
    if (writes == kMaxIndexWrites) {
      break;
    }
    MOSB_CHECK(put_index(session, subject, *extended));
    if (old) {
      replaced.push_back(old->descriptor.digest);
    }
    // Another writer that read the old index before this write has written by then, if it takes no
    // longer than this one did; the next round sees what it made of our entry.
    const auto took = std::chrono::steady_clock::now() - start;
    std::this_thread::sleep_for(std::clamp<std::chrono::nanoseconds>(2 * took, 20ms, 2s));
  }
  return Error(Errc::kNetwork,
               "other writers of " + session.name() + ":" + referrers_tag(subject) +
                   " keep removing the entry")
      .with_hint("try again when nobody else signs this image");
}

}  // namespace mosb::oci
