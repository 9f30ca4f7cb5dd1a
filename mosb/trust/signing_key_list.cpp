#include "mosb/trust/signing_key_list.h"

#include <algorithm>
#include <set>

#include "mosb/base/json.h"
#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

constexpr ByteCount kMaxFile{1 * kMiB};

Result<SigningKeyEntry> parse_entry(const Json& object) {
  SigningKeyEntry entry;
  entry.name = MOSB_TRY(json::require_string(object, "name"));
  if (entry.name.empty()) {
    return Error(Errc::kContent, "a key has no name");
  }
  entry.plugin = MOSB_TRY(json::optional_string(object, "pluginName")).value_or("");
  entry.key_path = MOSB_TRY(json::optional_string(object, "keyPath")).value_or("");
  entry.cert_path = MOSB_TRY(json::optional_string(object, "certPath")).value_or("");
  if (entry.plugin.empty() && (entry.key_path.empty() || entry.cert_path.empty())) {
    return Error(Errc::kContent, "key " + quote(entry.name) + " lacks its keyPath or certPath");
  }
  return entry;
}

}  // namespace

Result<SigningKeyList> SigningKeyList::parse(std::string_view text) {
  const Json document = MOSB_TRY(json::parse(text, kMaxFile));
  SigningKeyList list;
  std::set<std::string> names;
  if (const Json* const keys = MOSB_TRY(json::optional_array(document, "keys"))) {
    for (const Json& object : *keys) {
      list.keys.push_back(MOSB_TRY(parse_entry(object)));
      if (!names.insert(list.keys.back().name).second) {
        return Error(Errc::kContent, "two keys are named " + quote(list.keys.back().name));
      }
    }
  }
  list.default_name = MOSB_TRY(json::optional_string(document, "default"));
  if (list.default_name && names.count(*list.default_name) == 0) {
    return Error(Errc::kContent,
                 "the default key " + quote(*list.default_name) + " is not in the list");
  }
  return list;
}

Result<const SigningKeyEntry*> SigningKeyList::find(std::string_view name) const {
  if (name.empty() && !default_name) {
    return Error(Errc::kNotFound, "there is no default signing key")
        .with_hint("name a key with --key-name");
  }
  const std::string_view wanted = name.empty() ? std::string_view(*default_name) : name;
  const auto entry = std::find_if(
      keys.begin(), keys.end(), [&](const SigningKeyEntry& key) { return key.name == wanted; });
  if (entry == keys.end()) {
    return Error(Errc::kNotFound, "there is no signing key " + quote(wanted));
  }
  if (!entry->plugin.empty()) {
    return Error(Errc::kUsage,
                 "signing key " + quote(wanted) + " is held by the notation plugin " +
                     quote(entry->plugin) + ", and mosb runs no plugins");
  }
  return &*entry;
}

}  // namespace mosb::trust
