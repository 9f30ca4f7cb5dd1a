#include <cstdlib>
#include <string>

#include <pwd.h>
#include <unistd.h>

#include "mosb/trust/revocation.h"

namespace mosb::trust {

namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

/// A service that starts at boot has no $HOME.
std::string home_directory() {
  if (const std::string home = environment("HOME"); !home.empty()) {
    return home;
  }
  const passwd* const user = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  return user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
}

}  // namespace

std::string default_notation_cache_dir() {
  if (const std::string dir = environment("NOTATION_CACHE"); !dir.empty()) {
    return dir;
  }
  if (const std::string dir = environment("XDG_CACHE_HOME"); !dir.empty()) {
    return dir + "/notation";
  }
  const std::string home = home_directory();
  return home.empty() ? "" : home + "/.cache/notation";
}

}  // namespace mosb::trust
