#include "mosb/oci/credential_helper.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/json.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr ByteCount kMaxAnswer{64 * kKiB};
constexpr std::size_t kMaxName = 100;
/// What a helper says, and no other way, where it has no login for a server.
constexpr std::string_view kNotFound = "credentials not found";
/// The user name that marks the secret as an identity token.
constexpr std::string_view kTokenUser = "<token>";

/// The home, the session's bus and display, and the agents that helpers ask for their key.
constexpr const char* kVariables[] = {"HOME",
                                      "USER",
                                      "LOGNAME",
                                      "LANG",
                                      "XDG_RUNTIME_DIR",
                                      "XDG_CONFIG_HOME",
                                      "DBUS_SESSION_BUS_ADDRESS",
                                      "DISPLAY",
                                      "WAYLAND_DISPLAY",
                                      "XAUTHORITY",
                                      "GPG_TTY",
                                      "GNUPGHOME",
                                      "PASSWORD_STORE_DIR"};

bool is_helper_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

/// Relative directories of PATH, the empty one included, are passed over: where mosb was started
/// must not decide what it runs.
std::optional<std::string> find_program(const std::string& name, const std::string& path) {
  for (const std::string& dir : split(path, ':')) {
    const std::string file = dir + "/" + name;
    struct stat st {};
    if (dir.starts_with('/') && ::stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) &&
        ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return std::nullopt;
}

/// Nothing of the answer may get into an error: it may hold the secret wherever it is malformed.
Result<Credentials> parse_answer(const std::string& answer) {
  const Error malformed(Errc::kUsage, "it does not answer with a user name and a secret");
  const auto document = json::parse(answer, kMaxAnswer);
  if (!document || !document->is_object()) {
    return malformed;
  }
  const auto username = json::require_string(*document, "Username");
  const auto secret = json::require_string(*document, "Secret");
  if (!username || !secret || username->empty() || secret->empty() ||
      !is_printable_line(*username) || !is_printable_line(*secret)) {
    return malformed;
  }
  if (*username == kTokenUser) {
    return Credentials{.identity_token = *secret};
  }
  if (username->find(':') != std::string::npos) {
    return Error(Errc::kUsage, "it answers with a user name that has a colon in it");
  }
  return Credentials{.username = *username, .password = *secret};
}

}  // namespace

CredentialHelpers::Environment CredentialHelpers::Environment::current() {
  Environment environment;
  // NOLINTBEGIN(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const path = std::getenv("PATH");
  environment.path = path == nullptr ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin" : path;
  for (const char* const name : kVariables) {
    if (const char* const value = std::getenv(name)) {
      environment.variables.push_back(std::string(name) + "=" + value);
    }
  }
  // NOLINTEND(concurrency-mt-unsafe)
  return environment;
}

Result<std::optional<Credentials>> CredentialHelpers::get(const std::string& name,
                                                          const std::string& server) {
  if (!is_helper_name(name)) {
    return Error(Errc::kUsage, "no such name of a credential helper: " + quote(name));
  }
  const std::string program = "docker-credential-" + name;
  const std::string what = "credential helper " + quote(program) + " for " + quote(server);
  const auto file = find_program(program, environment_.path);
  if (!file) {
    return Error(Errc::kUsage, what + ": there is no such program in PATH");
  }
  Command command{.argv = {*file, "get"},
                  .env = environment_.variables,
                  .input = server + "\n",
                  .timeout = kPatience,
                  .output_limit = kMaxAnswer};
  command.env.push_back("PATH=" + environment_.path);
  const std::string hint = "see what `echo " + server + " | " + program + " get` says";
  const Completed done =
      MOSB_TRY(processes_.run(command).context(what).as(Errc::kUsage).with_hint(hint));
  if (done.status == 0) {
    return std::optional<Credentials>(
        MOSB_TRY(parse_answer(done.out).context(what).with_hint(hint)));
  }
  if (done.out.starts_with(kNotFound)) {
    return std::optional<Credentials>();
  }
  return Error(Errc::kUsage, what + ": it ends with status " + std::to_string(done.status))
      .with_hint(hint);
}

}  // namespace mosb::oci
