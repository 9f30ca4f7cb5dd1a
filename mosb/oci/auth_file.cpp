#include "mosb/oci/auth_file.h"

#include <cstdlib>
#include <string_view>

#include <unistd.h>

#include "mosb/base/base64.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr ByteCount kMaxAuthFile{1 * kMiB};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// "https://HOST/v1/" and the like, as Docker wrote them, as "HOST".
std::string_view without_api_path(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
    }
  }
  while (key.ends_with('/')) {
    key.remove_suffix(1);
  }
  for (const std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) {
      key.remove_suffix(version.size());
    }
  }
  return key;
}

/// The names under which a login may stand, the most telling first.
std::vector<std::string> candidates(const std::string& host, const std::string& repository) {
  std::vector<std::string> names;
  std::string name = host + "/" + repository;
  while (name.size() > host.size()) {
    names.push_back(name);
    name.resize(name.rfind('/'));
  }
  names.push_back(host);
  if (host == "docker.io") {
    names.emplace_back("index.docker.io");  // Docker's own name for itself
  }
  return names;
}

/// The member for a name: written exactly so, or else as a URL of it. nullptr if there is none.
const Json* lookup(const Json& object, const std::string& name) {
  if (const auto it = object.find(name); it != object.end()) {
    return &*it;
  }
  for (const auto& [key, value] : object.items()) {
    if (without_api_path(key) == name) {
      return &value;
    }
  }
  return nullptr;
}

/// "USER:PASSWORD" in base64.
Result<Credentials> parse_basic(const std::string& encoded) {
  const auto bytes = base64_decode(encoded);
  if (!bytes) {
    return Error(Errc::kContent, "member 'auth' is not base64");  // and is not shown
  }
  std::string pair;
  for (const std::byte b : *bytes) {
    pair += static_cast<char>(b);
  }
  while (!pair.empty() && pair.back() == '\0') {
    pair.pop_back();  // Docker once padded with them
  }
  const std::size_t colon = pair.find(':');
  if (colon == std::string::npos || colon == 0) {
    return Error(Errc::kContent, "member 'auth' is not the base64 of USER:PASSWORD");
  }
  return Credentials{pair.substr(0, colon), pair.substr(colon + 1), ""};
}

/// One entry of `auths`; nullopt if it holds nothing.
Result<std::optional<Credentials>> parse_entry(const Json& entry) {
  const auto auth = MOSB_TRY(json::optional_string(entry, "auth"));
  const auto username = MOSB_TRY(json::optional_string(entry, "username"));
  const auto password = MOSB_TRY(json::optional_string(entry, "password"));
  const auto identity = MOSB_TRY(json::optional_string(entry, "identitytoken"));
  const auto registry_token = MOSB_TRY(json::optional_string(entry, "registrytoken"));
  Credentials credentials;
  if (auth && !auth->empty()) {
    credentials = MOSB_TRY(parse_basic(*auth));
  } else if (username && !username->empty()) {
    if (username->find(':') != std::string::npos) {
      return Error(Errc::kContent, "a user name with a colon in it");
    }
    credentials = {*username, password.value_or(""), ""};
  }
  credentials.identity_token = identity.value_or("");
  if (credentials.username.empty() && credentials.identity_token.empty()) {
    if (registry_token && !registry_token->empty()) {
      return Error(Errc::kUsage, "a login with member 'registrytoken' is not supported");
    }
    return std::optional<Credentials>();
  }
  return std::optional<Credentials>(std::move(credentials));
}

/// The name under which helpers keep the login of a registry: Docker's own has an older one.
std::string server_name(const std::string& host) {
  return host == "docker.io" ? "https://index.docker.io/v1/" : host;
}

/// What `credHelpers` has for the most telling name; nullopt if it has none.
Result<std::optional<std::string>> helper_for(const Json& document,
                                              const std::vector<std::string>& names) {
  const Json* const helpers = MOSB_TRY(json::optional_object(document, "credHelpers"));
  for (const std::string& name : names) {
    const Json* const helper = helpers == nullptr ? nullptr : lookup(*helpers, name);
    if (helper != nullptr && !helper->is_string()) {
      return Error(Errc::kContent, "the credential helper of " + quote(name) + " is not a string");
    }
    if (helper != nullptr) {
      return std::optional(helper->get<std::string>());
    }
  }
  return std::optional<std::string>();
}

/// What `auths` has for the most telling name that it has anything for.
Result<std::optional<Credentials>> login_in(const Json& document,
                                            const std::vector<std::string>& names) {
  const Json* const auths = MOSB_TRY(json::optional_object(document, "auths"));
  for (const std::string& name : names) {
    const Json* const entry = auths == nullptr ? nullptr : lookup(*auths, name);
    if (entry == nullptr) {
      continue;
    }
    if (!entry->is_object()) {
      return Error(Errc::kContent, "the entry for " + quote(name) + " is not an object");
    }
    std::optional<Credentials> found =
        MOSB_TRY(parse_entry(*entry).context("entry for " + quote(name)));
    if (found) {
      return found;
    }
  }
  return std::optional<Credentials>();
}

Result<std::optional<Credentials>> find_in(const Json& document,
                                           const std::string& host,
                                           const std::string& repository,
                                           CredentialHelpers& helpers) {
  const std::vector<std::string> names = candidates(host, repository);
  const auto store = MOSB_TRY(json::optional_string(document, "credsStore"));
  const auto helper = MOSB_TRY(helper_for(document, names));
  // An empty name takes a registry out of credsStore.
  if (helper && !helper->empty()) {
    return helpers.get(*helper, server_name(host));
  }
  auto found = MOSB_TRY(login_in(document, names));
  if (found || helper || store.value_or("").empty()) {
    return found;
  }
  return helpers.get(*store, server_name(host));
}

}  // namespace

AuthFileEnvironment AuthFileEnvironment::current() {
  return {.registry_auth_file = variable("REGISTRY_AUTH_FILE"),
          .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
          .xdg_config_home = variable("XDG_CONFIG_HOME"),
          .docker_config = variable("DOCKER_CONFIG"),
          .home = variable("HOME")};
}

std::vector<std::string> default_auth_files(const AuthFileEnvironment& environment) {
  if (!environment.registry_auth_file.empty()) {
    return {environment.registry_auth_file};
  }
  std::vector<std::string> files;
  if (!environment.xdg_runtime_dir.empty()) {
    files.push_back(environment.xdg_runtime_dir + "/containers/auth.json");
  } else {
    files.push_back("/run/containers/" + std::to_string(::getuid()) + "/auth.json");
  }
  if (!environment.xdg_config_home.empty()) {
    files.push_back(environment.xdg_config_home + "/containers/auth.json");
  } else if (!environment.home.empty()) {
    files.push_back(environment.home + "/.config/containers/auth.json");
  }
  if (!environment.docker_config.empty()) {
    files.push_back(environment.docker_config + "/config.json");
  } else if (!environment.home.empty()) {
    files.push_back(environment.home + "/.docker/config.json");
  }
  return files;
}

Result<std::optional<Credentials>> find_credentials(const std::string& host,
                                                    const std::string& repository,
                                                    const std::vector<std::string>& files,
                                                    CredentialHelpers& helpers) {
  for (const std::string& file : files) {
    const auto text = read_named_file(file, kMaxAuthFile);
    if (!text && text.error().code() == Errc::kNotFound) {
      continue;
    }
    const std::string what = "auth file " + quote(file);
    if (!text) {
      return text.error().context(what);
    }
    const Json document = MOSB_TRY(json::parse(*text, kMaxAuthFile).context(what));
    std::optional<Credentials> found =
        MOSB_TRY(find_in(document, host, repository, helpers).context(what));
    if (found) {
      return found;
    }
  }
  return std::optional<Credentials>();
}

}  // namespace mosb::oci
