#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/oci/registry_session.h"

namespace mosb::oci {

/// Pages of the referrers API that are read at most.
inline constexpr unsigned kMaxReferrersPages = 10;

/// The tag that lists a manifest's referrers where there is no API: "sha256-<hex>".
/// Spec: OCI distribution 1.1 §Referrers Tag Schema.
std::string referrers_tag(const Digest& subject);

/// The manifests that refer to the subject, of the given artifact type ("": any), in listed order.
/// The API where the registry has it, else the tag; the two are never merged. Whoever can write to
/// the repository decides what is listed: these are candidates, nothing more.
Result<std::vector<Descriptor>> list_referrers(RegistrySession& session,
                                               const Digest& subject,
                                               const std::string& artifact_type);

/// The entry of a referrers list for a manifest of these bytes: media type, digest, size, its
/// annotations and its artifact type. Errors: kContent.
Result<Json> referrer_entry(const Descriptor& manifest, std::string_view bytes);

/// The index with the entry at the end, everything else as it was; without empty and duplicate
/// entries. nullopt if nothing would change. `index` is an object with a `manifests` array.
Result<std::optional<Json>> with_referrer(Json index, const Json& entry);

/// Adds the entry to the index under the referrers tag, and sees to it that it is still there
/// afterwards. Errors: kNetwork if other writers keep removing it.
Status add_to_referrers_tag(RegistrySession& session, const Digest& subject, const Json& entry);

}  // namespace mosb::oci
