#include "verity/mount_namespace.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include <sys/stat.h>

#include "mosb/base/boot_id.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"
#include "verity/image_record.h"
#include "verity/layer_place.h"
#include "verity/mount_table.h"
#include "verity/server_state.h"

namespace mosb::verity {

namespace {

constexpr std::string_view kPrefix = "mnt-";
constexpr ByteCount kMaxOwner{256};
constexpr mode_t kOwnerMode = 0600;

/// "<boot id> mnt-<number>": whose run_dir is.
std::string owner_file(const std::string& run_dir) {
  return run_dir + "/mount-namespace";
}

/// "mnt-<number>"; nullopt if the process is gone, or nobody may know.
std::optional<std::string> namespace_of(const std::string& process) {
  struct stat st {};
  return ::stat(("/proc/" + process + "/ns/mnt").c_str(), &st) == 0
             ? std::optional(std::string(kPrefix) + std::to_string(st.st_ino))
             : std::nullopt;
}

bool is_number(const std::string& text) {
  return parse_uint(text, 1, UINT64_MAX).has_value();
}

bool is_name(const std::string& text) {
  return text.starts_with(kPrefix) && is_number(text.substr(kPrefix.size()));
}

Result<std::string> own_namespace() {
  const auto own = namespace_of("self");
  if (!own) {
    return Error(Errc::kHost, "/proc does not show the mount namespace of this process")
        .with_hint("mount /proc");
  }
  return *own;
}

Result<bool> has_process(const std::string& name) {
  const std::vector<std::string> processes = MOSB_TRY(list_dir("/proc"));
  return std::ranges::any_of(processes, [&](const std::string& process) {
    return is_number(process) && namespace_of(process) == name;
  });
}

/// A root of a user namespace is not told where the processes of another one are. Servers stay as
/// long as what they serve is mounted.
Result<bool> has_server(const std::string& dir) {
  MountEnvironment environment;
  environment.run_dir = dir;
  for (const LayerPlace& place : MOSB_TRY(list_places(environment))) {
    if (MOSB_TRY(read_server_state(place.status())).alive) {
      return true;
    }
  }
  return false;
}

Result<bool> is_alive(const std::string& name, const std::string& dir) {
  return MOSB_TRY(has_process(name)) || MOSB_TRY(has_server(dir));
}

/// Whose run_dir was when it was last settled, in this boot.
Result<std::optional<std::string>> read_owner(const std::string& run_dir) {
  const auto text = read_file(owner_file(run_dir), kMaxOwner);
  if (!text) {
    return text.error().sys_errno() == ENOENT ? Result<std::optional<std::string>>(std::nullopt)
                                              : text.error();
  }
  const std::vector<std::string> words = split(text->substr(0, text->find('\n')), ' ');
  return words.size() == 2 && words[0] == MOSB_TRY(current_boot_id()) && is_name(words[1])
             ? std::optional(words[1])
             : std::nullopt;
}

Result<std::vector<std::string>> recorded_namespaces(const std::string& run_dir) {
  std::vector<std::string> names = MOSB_TRY(names_in(run_dir));
  std::erase_if(names, [](const std::string& name) { return !is_name(name); });
  return names;
}

Result<bool> keeps_anything(const std::string& dir) {
  MountEnvironment environment;
  environment.run_dir = dir;
  return !MOSB_TRY(list_records(environment)).empty() ||
         !MOSB_TRY(list_places(environment)).empty();
}

/// Nothing but directories and files of ours: what is mounted is not entered.
Status remove_ended(const std::string& dir) {
  if (!path_exists(dir)) {
    return ok();
  }
  const MountTable table = MOSB_TRY(MountTable::read());
  const bool mounted = std::ranges::any_of(table.entries(), [&](const MountEntry& entry) {
    return entry.mount_point.starts_with(dir + "/");
  });
  if (mounted) {
    return ok();
  }
  log::debug("no mount namespace uses " + quote(dir) + " any more");
  std::error_code failed;
  std::filesystem::remove_all(dir, failed);
  return failed ? Status(Error::sys("remove " + quote(dir), failed.value())) : ok();
}

}  // namespace

Result<std::string> mount_namespace_name(const std::string& run_dir) {
  const std::string own = MOSB_TRY(own_namespace());
  // What it has mounted already is known there.
  if (path_exists(run_dir + "/" + own)) {
    return own;
  }
  const auto owner = MOSB_TRY(read_owner(run_dir));
  return !owner || *owner == own || !MOSB_TRY(is_alive(*owner, run_dir)) ? std::string() : own;
}

Result<std::vector<std::string>> namespace_dirs(const std::string& run_dir) {
  std::vector<std::string> dirs{run_dir};
  for (const std::string& name : MOSB_TRY(recorded_namespaces(run_dir))) {
    dirs.push_back(run_dir + "/" + name);
  }
  return dirs;
}

Status settle_namespaces(const std::string& run_dir) {
  const std::string own = MOSB_TRY(own_namespace());
  if (!MOSB_TRY(keeps_anything(run_dir + "/" + own))) {
    MOSB_CHECK(remove_ended(run_dir + "/" + own));
  }
  const std::string name = MOSB_TRY(mount_namespace_name(run_dir));
  if (name.empty() && MOSB_TRY(read_owner(run_dir)) != own) {
    MOSB_CHECK(write_file_atomic(
        owner_file(run_dir), MOSB_TRY(current_boot_id()) + " " + own + "\n", kOwnerMode));
  }
  for (const std::string& other : MOSB_TRY(recorded_namespaces(run_dir))) {
    const std::string dir = run_dir + "/" + other;
    if (other != own && !MOSB_TRY(is_alive(other, dir))) {
      MOSB_CHECK(remove_ended(dir));
    }
  }
  return ok();
}

}  // namespace mosb::verity
