#include "mosb/manifest/names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "mosb/base/text.h"

namespace mosb::manifest {

namespace {

constexpr std::size_t kMostName = 63;
constexpr std::size_t kMostPath = 1024;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_letter_or_digit(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view name, bool upper, std::string_view between) {
  const auto good = [&](char c) { return upper ? is_letter_or_digit(c) : is_lower_or_digit(c); };
  return !name.empty() && name.size() <= kMostName && good(name.front()) && good(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return good(c) || between.find(c) != std::string_view::npos;
         });
}

Error wrong(std::string message) {
  return Error(Errc::kManifest, std::move(message));
}

}  // namespace

Status check_service_name(std::string_view name) {
  if (!is_name(name, false, "-")) {
    return wrong(quote(name) +
                 " is not a service name: 1 to 63 of a-z, 0-9 and '-', no '-' at either end");
  }
  return ok();
}

Status check_group_name(std::string_view name) {
  if (!is_name(name, true, "._-")) {
    return wrong(quote(name) +
                 " is not a name: 1 to 63 letters, digits, '.', '_' and '-', a letter or digit at "
                 "both ends");
  }
  return ok();
}

Status check_label(std::string_view label) {
  MOSB_CHECK(check_group_name(label));
  static constexpr std::array<std::string_view, 5> kReserved{
      "esp", "efi", "machine-config", "machine-store", "machine-scratch"};
  if (std::find(kReserved.begin(), kReserved.end(), label) != kReserved.end()) {
    return wrong("label " + quote(label) + " is reserved for the machine itself");
  }
  return ok();
}

Status check_hostname(std::string_view name) {
  if (!is_name(name, true, "-")) {
    return wrong(quote(name) +
                 " is not a host name: 1 to 63 letters, digits and '-', no '-' at either end");
  }
  return ok();
}

Status check_path(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return wrong(quote(path) + " is not an absolute path");
  }
  if (path.size() > kMostPath) {
    return wrong(quote(path) + " is longer than " + std::to_string(kMostPath) + " bytes");
  }
  if (escape(path) != path) {
    return wrong(quote(path) + " has a control character");
  }
  const std::vector<std::string> parts = split(path.substr(1), '/');
  const bool root = parts.size() == 1 && parts[0].empty();
  if (!root && std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
        return part.empty() || part == "." || part == "..";
      })) {
    return wrong(quote(path) +
                 " is not in its shortest form: no '//', '.', '..' or '/' at the end");
  }
  return ok();
}

Status check_mount_dest(std::string_view path) {
  MOSB_CHECK(check_path(path));
  if (path.find_first_of(" \\") != std::string_view::npos) {
    return wrong(quote(path) + " has white space or a backslash");
  }
  static constexpr std::array<std::string_view, 3> kOfTheContainer{"/dev", "/proc", "/sys"};
  if (path == "/" || std::any_of(kOfTheContainer.begin(),
                                 kOfTheContainer.end(),
                                 [&](std::string_view dir) { return paths_overlap(path, dir); })) {
    return wrong("nothing can be mounted at " + quote(path) + " of a service");
  }
  return ok();
}

Status check_user(std::string_view user) {
  const std::vector<std::string> parts = split(user, ':');
  const bool good = parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), [](const auto& p) {
                      return is_name(p, true, "._-") || (p.size() > 1 && p.front() == '_' &&
                                                         is_name(p.substr(1), true, "._-"));
                    });
  if (!good) {
    return wrong(quote(user) + " is not a user: a name or number, then perhaps ':' and a group");
  }
  return ok();
}

Status check_port_name(std::string_view name) {
  if (!is_name(name, false, "-")) {
    return wrong(quote(name) + " is not the name of a port: 1 to 63 of a-z, 0-9 and '-'");
  }
  return ok();
}

Status check_search_domain(std::string_view name) {
  constexpr std::size_t kMostDomain = 253;
  const bool good = !name.empty() && name.size() <= kMostDomain && name.front() != '-' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
                    });
  if (!good) {
    return wrong(quote(name) + " is no domain");
  }
  return ok();
}

Status check_resolver_option(std::string_view option) {
  const bool good = !option.empty() && option.size() <= kMostName &&
                    std::all_of(option.begin(), option.end(), [](char c) {
                      return is_letter_or_digit(c) || c == '-' || c == ':';
                    });
  if (!good) {
    return wrong(quote(option) + " is no option of a resolver, such as 'ndots:2'");
  }
  return ok();
}

Status check_variable_name(std::string_view name) {
  if (name.empty() || escape(name) != name || name.find('=') != std::string_view::npos) {
    return wrong(quote(name) + " is not a name for an environment variable");
  }
  return ok();
}

bool paths_overlap(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) {
    std::swap(a, b);
  }
  return b.substr(0, a.size()) == a && (b.size() == a.size() || a == "/" || b[a.size()] == '/');
}

}  // namespace mosb::manifest
