#include "lxc/container_spec.h"

#include <algorithm>
#include <csignal>

#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr std::uint32_t kMaxId = 4294967294;  // 2^32-1 means "no id" to the kernel
constexpr std::size_t kMaxHostname = 63;      // the kernel allows 64, DNS 63

Error bad(const std::string& field, const std::string& value, const std::string& why) {
  return {Errc::kRuntime, field + " " + quote(value) + " " + why};
}

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_service_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 && is_lower_alnum(name.front()) &&
         is_lower_alnum(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return is_lower_alnum(c) || c == '-';
         });
}

bool is_instance(const std::string& id) {
  return id.size() == 8 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_hostname(const std::string& name) {
  return !name.empty() && name.size() <= kMaxHostname && name.front() != '-' &&
         name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
           return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
         });
}

/// Absolute, no empty, "." or ".." part, no trailing slash.
bool is_normalised(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    return false;
  }
  if (path == "/") {
    return true;
  }
  const std::vector<std::string> parts = split(path.substr(1), '/');
  return std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == "..";
  });
}

Status check_path(const std::string& field, const std::string& path) {
  if (!is_printable_line(path) || !is_utf8(path)) {
    return bad(field, path, "contains control characters or is not UTF-8");
  }
  if (!is_normalised(path)) {
    return bad(field, path, "is not an absolute, normalised path");
  }
  return ok();
}

Status check_destination(const std::string& field, const std::string& dest) {
  MOSB_CHECK(check_path(field, dest));
  for (const char* reserved : {"/proc", "/sys", "/dev"}) {
    if (dest == "/" || is_at_or_below(dest, reserved)) {
      return bad(field, dest, "belongs to the container itself");
    }
  }
  return ok();
}

Status check_mount(const BindMount& mount) {
  MOSB_CHECK(check_path("mount source", mount.source));
  return check_destination("mount destination", mount.dest);
}

Status check_file(const FileBind& file, const ContainerSpec& spec) {
  const std::string field = "file destination";
  MOSB_CHECK(check_path("file source", file.source));
  MOSB_CHECK(check_destination(field, file.dest));
  const auto inside = [&](const auto& other) { return is_at_or_below(other.dest, file.dest); };
  if (std::count_if(spec.files.begin(), spec.files.end(), inside) > 1) {
    return bad(field, file.dest, "is given twice, or has another one below it");
  }
  if (std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const BindMount& mount) {
        return mount.dest != file.dest && inside(mount);
      })) {
    return bad(field, file.dest, "has a volume below it");
  }
  return ok();
}

/// A tmpfs there would hide what is bound.
Status check_no_tmpfs(const ContainerSpec& spec) {
  for (const FileBind& file : bound_files(spec)) {
    if (spec.rootfs_readonly &&
        (is_at_or_below(file.dest, "/tmp") || is_at_or_below(file.dest, "/run"))) {
      return bad(
          "file destination", file.dest, "is where a read-only root file system has a tmpfs");
    }
  }
  return ok();
}

Status check_ids(const ContainerSpec& spec) {
  if (!spec.idmap) {
    if (spec.network == Network::kHost) {
      // The control sockets of other containers' monitors check for nothing but host root.
      return Error(Errc::kPolicy, "a container with host ids cannot have the host's network")
          .with_hint("give the service a group of ids of its own, or a network of its own");
    }
    return ok();
  }
  const IdRange& range = *spec.idmap;
  if (range.count == 0 || range.host_base == 0 || range.host_base > kMaxId - (range.count - 1)) {
    return bad("id range",
               std::to_string(range.host_base) + "+" + std::to_string(range.count),
               "is not a range of unprivileged ids");
  }
  const auto outside = [&](std::uint32_t id) { return id >= range.count; };
  const ContainerProcess& process = spec.process;
  if (outside(process.uid) || outside(process.gid) ||
      std::any_of(process.groups.begin(), process.groups.end(), outside)) {
    return bad("user",
               std::to_string(process.uid) + ":" + std::to_string(process.gid),
               "is outside the container's " + std::to_string(range.count) + " ids");
  }
  return ok();
}

}  // namespace

Status check_spec(const ContainerSpec& spec) {
  if (!is_service_name(spec.name)) {
    return bad("service name", spec.name, "is not of the form [a-z0-9]([a-z0-9-]*[a-z0-9])?");
  }
  if (!is_instance(spec.instance)) {
    return bad("instance", spec.instance, "is not 8 hexadecimal digits");
  }
  if (!is_hostname(spec.hostname)) {
    return bad("hostname", spec.hostname, "is not made of letters, digits, '-' and '.'");
  }
  MOSB_CHECK(check_path("root file system", spec.rootfs));
  MOSB_CHECK(check_path("run directory", spec.run_dir));
  MOSB_CHECK(check_path("state directory", spec.state_dir));
  MOSB_CHECK(check_path("log file", spec.log_path));
  if (spec.process.argv.empty()) {
    return Error(Errc::kRuntime, "there is no command to run");
  }
  if (spec.process.cwd.empty() || spec.process.cwd[0] != '/') {
    return bad("working directory", spec.process.cwd, "is not absolute");
  }
  for (const BindMount& mount : spec.mounts) {
    MOSB_CHECK(check_mount(mount));
    if (std::count_if(spec.mounts.begin(), spec.mounts.end(), [&](const BindMount& other) {
          return other.dest == mount.dest;
        }) > 1) {
      return bad("mount destination", mount.dest, "is given twice");
    }
  }
  for (const FileBind& file : spec.files) {
    MOSB_CHECK(check_file(file, spec));
  }
  MOSB_CHECK(check_no_tmpfs(spec));
  if (spec.stop_signal < 1 || spec.stop_signal > SIGRTMAX) {
    return bad("stop signal", std::to_string(spec.stop_signal), "is no signal");
  }
  if (spec.log_max.value < 4 * kKiB) {
    return bad("log size", std::to_string(spec.log_max.value), "is below 4096 bytes");
  }
  return check_ids(spec);
}

std::vector<FileBind> bound_files(const ContainerSpec& spec) {
  std::vector<FileBind> files;
  for (const FileBind& file : spec.files) {
    if (std::none_of(spec.mounts.begin(), spec.mounts.end(), [&](const BindMount& mount) {
          return is_at_or_below(file.dest, mount.dest);
        })) {
      files.push_back(file);
    }
  }
  return files;
}

bool is_at_or_below(const std::string& path, const std::string& dir) {
  return path == dir || path.compare(0, dir.size() + 1, dir + "/") == 0;
}

}  // namespace mosb::lxc
