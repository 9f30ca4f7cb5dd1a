#include "mosb/oci/image_config_check.h"

#include <algorithm>
#include <span>

#include "mosb/base/number.h"
#include "mosb/base/signal_name.h"
#include "mosb/base/text.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxUserLength = 256;
constexpr std::size_t kMaxPathLength = 4095;
/// (uid_t)-1 means "no change" to the kernel.
constexpr std::uint64_t kMaxId = 4294967294;
constexpr std::uint64_t kMaxPort = 65535;

Error bad(const std::string& what, std::string_view value, const std::string& why) {
  return Error(Errc::kContent, what + " " + quote(value) + ": " + why);
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

/// What goes to execve(): no NUL, nothing that the kernel would refuse.
Status check_strings(std::span<const std::string> strings, const std::string& what) {
  for (const std::string& text : strings) {
    if (has_nul(text)) {
      return bad(what, text, "it has a NUL");
    }
    if (text.size() >= kMaxArgumentLength.value) {
      return bad(what,
                 text,
                 "it is longer than " + std::to_string(kMaxArgumentLength.value - 1) + " bytes");
    }
  }
  return ok();
}

std::uint64_t total_bytes(std::span<const std::string> strings) {
  std::uint64_t total = 0;
  for (const std::string& text : strings) {
    total += text.size() + 1;
  }
  return total;
}

Status check_arguments(const ImageConfig& config) {
  MOSB_CHECK(check_strings(config.entrypoint, "Entrypoint"));
  MOSB_CHECK(check_strings(config.cmd, "Cmd"));
  if (config.entrypoint.size() + config.cmd.size() > kMaxArguments) {
    return Error(
        Errc::kContent,
        "Entrypoint and Cmd have more than " + std::to_string(kMaxArguments) + " arguments");
  }
  if (total_bytes(config.entrypoint) + total_bytes(config.cmd) > kMaxArgumentBytes.value) {
    return Error(
        Errc::kContent,
        "Entrypoint and Cmd have more than " + std::to_string(kMaxArgumentBytes.value) + " bytes");
  }
  return ok();
}

Status check_environment(const std::vector<std::string>& env) {
  MOSB_CHECK(check_strings(env, "Env"));
  for (const std::string& entry : env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return bad("Env", entry, "it is not NAME=value");
    }
    if (!is_printable_line(entry.substr(0, equals))) {
      return bad("Env", entry, "its name has control characters");
    }
  }
  if (env.size() > kMaxEnvironment || total_bytes(env) > kMaxEnvironmentBytes.value) {
    return Error(Errc::kContent,
                 "Env has more than " + std::to_string(kMaxEnvironment) + " variables or " +
                     std::to_string(kMaxEnvironmentBytes.value) + " bytes");
  }
  return ok();
}

Status check_user(const std::string& user) {
  if (user.size() > kMaxUserLength) {
    return bad("User", user, "it is longer than " + std::to_string(kMaxUserLength) + " bytes");
  }
  const std::vector<std::string> parts = split(user, ':');
  if (parts.size() > 2) {
    return bad("User", user, "it is not user or user:group");
  }
  for (const std::string& part : parts) {
    const bool numeric = part.find_first_not_of("0123456789") == std::string::npos;
    const bool spaced = part.find_first_of(" /") != std::string::npos;
    if (part.empty() || part.front() == '-' || spaced || !is_printable_line(part)) {
      return bad("User", user, "it is not user or user:group");
    }
    if (numeric && !parse_uint(part, 0, kMaxId)) {
      return bad("User", user, "the number is not in the range 0 to " + std::to_string(kMaxId));
    }
  }
  return ok();
}

Status check_path(const std::string& what, const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return bad(what, path, "it is not an absolute path");
  }
  if (path.size() > kMaxPathLength || !is_printable_line(path)) {
    return bad(what, path, "it is too long or has control characters");
  }
  const std::vector<std::string> parts = split(path, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return bad(what, path, "it has '..'");
  }
  return ok();
}

Status check_port(const std::string& port) {
  const std::size_t slash = port.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
  const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!known || !parse_uint(port.substr(0, slash), 1, kMaxPort)) {
    return bad("ExposedPorts", port, "it is not PORT, PORT/tcp, PORT/udp or PORT/sctp");
  }
  return ok();
}

}  // namespace

Status check_image_config(const ImageConfig& config) {
  MOSB_CHECK(check_arguments(config));
  MOSB_CHECK(check_environment(config.env));
  if (config.user) {
    MOSB_CHECK(check_user(*config.user));
  }
  if (config.working_dir) {
    MOSB_CHECK(check_path("WorkingDir", *config.working_dir));
  }
  if (config.stop_signal) {
    MOSB_CHECK(parse_signal(*config.stop_signal).context("StopSignal"));
  }
  for (const std::string& port : config.exposed_ports) {
    MOSB_CHECK(check_port(port));
  }
  for (const std::string& volume : config.volumes) {
    MOSB_CHECK(check_path("Volumes", volume));
  }
  return ok();
}

}  // namespace mosb::oci
