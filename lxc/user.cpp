#include "lxc/user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr ByteCount kMaxDatabase{1 * kMiB};
constexpr std::size_t kMaxGroups = 1024;
constexpr std::uint64_t kMaxId = 4294967294;

struct PasswdEntry {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
};

struct GroupEntry {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

/// A file of the image; "" if there is none. Whatever the image put there, this ends soon.
Result<std::string> read_in_image(int rootfs, const std::string& path) {
  const auto fd = sys::openat2(
      rootfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (!fd) {
    const int err = fd.error().sys_errno();
    if (err == ENOENT || err == ENOTDIR) {
      return std::string();
    }
    return Error(fd.error()).context("read the image's users").as(Errc::kRuntime);
  }
  const struct stat st = MOSB_TRY(sys::fstat(fd->get(), path));
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) > kMaxDatabase.value) {
    return Error(Errc::kRuntime,
                 "the image's " + quote(path) + " is not a regular file of at most " +
                     std::to_string(kMaxDatabase.value) + " bytes");
  }
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  const std::size_t n =
      MOSB_TRY(sys::read(fd->get(), std::as_writable_bytes(std::span(text))).as(Errc::kRuntime));
  text.resize(n);
  return text;
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto id = parse_uint(text, 0, kMaxId);
  return id ? std::optional(static_cast<std::uint32_t>(*id)) : std::nullopt;
}

/// Lines that are no entry are skipped, as libc does.
std::vector<PasswdEntry> parse_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 6) {
      continue;
    }
    const auto uid = parse_id(fields[2]);
    const auto gid = parse_id(fields[3]);
    if (uid && gid) {
      entries.push_back({fields[0], *uid, *gid, fields[5]});
    }
  }
  return entries;
}

std::vector<GroupEntry> parse_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    const auto gid = fields.size() < 4 ? std::nullopt : parse_id(fields[2]);
    if (gid) {
      entries.push_back({fields[0], *gid, split(fields[3], ',')});
    }
  }
  return entries;
}

Result<PasswdEntry> find_user(const std::vector<PasswdEntry>& users, const std::string& wanted) {
  const auto id = parse_id(wanted);
  for (const PasswdEntry& user : users) {
    if (user.name == wanted || (id && user.uid == *id)) {
      return user;
    }
  }
  if (id) {
    return PasswdEntry{"", *id, 0, ""};
  }
  return Error(Errc::kRuntime, "user " + quote(wanted) + " is not in the image's /etc/passwd")
      .with_hint("give a number, or a user that the image has");
}

Result<std::uint32_t> find_group(const std::vector<GroupEntry>& groups, const std::string& wanted) {
  for (const GroupEntry& group : groups) {
    if (group.name == wanted) {
      return group.gid;
    }
  }
  if (const auto id = parse_id(wanted)) {
    return *id;
  }
  return Error(Errc::kRuntime, "group " + quote(wanted) + " is not in the image's /etc/group")
      .with_hint("give a number, or a group that the image has");
}

void add_memberships(const std::vector<GroupEntry>& groups, const std::string& user, UserIds& ids) {
  for (const GroupEntry& group : groups) {
    const bool member =
        std::find(group.members.begin(), group.members.end(), user) != group.members.end();
    const bool known =
        group.gid == ids.gid ||
        std::find(ids.groups.begin(), ids.groups.end(), group.gid) != ids.groups.end();
    if (member && !known && ids.groups.size() < kMaxGroups) {
      ids.groups.push_back(group.gid);
    }
  }
}

Status check_range(const UserIds& ids, std::uint32_t id_count) {
  std::vector<std::uint32_t> all = ids.groups;
  all.push_back(ids.uid);
  all.push_back(ids.gid);
  for (const std::uint32_t id : all) {
    if (id >= id_count) {
      return Error(Errc::kRuntime,
                   "id " + std::to_string(id) + " is outside the service's " +
                       std::to_string(id_count) + " ids");
    }
  }
  return ok();
}

}  // namespace

Result<UserIds> resolve_user(const std::string& rootfs,
                             const std::string& user_spec,
                             std::uint32_t id_count) {
  const std::size_t colon = user_spec.find(':');
  const std::string user = user_spec.substr(0, colon);
  const UniqueFd root =
      MOSB_TRY(sys::open(rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW).as(Errc::kRuntime));
  const PasswdEntry entry = MOSB_TRY(find_user(
      parse_passwd(MOSB_TRY(read_in_image(root.get(), "etc/passwd"))), user.empty() ? "0" : user));
  UserIds ids;
  ids.uid = entry.uid;
  ids.gid = entry.gid;
  if (!entry.home.empty() && entry.home[0] == '/') {
    ids.home = entry.home;
  }
  const std::vector<GroupEntry> groups =
      parse_group(MOSB_TRY(read_in_image(root.get(), "etc/group")));
  if (colon == std::string::npos) {
    if (!entry.name.empty()) {
      add_memberships(groups, entry.name, ids);
    }
  } else {
    ids.gid = MOSB_TRY(find_group(groups, user_spec.substr(colon + 1)));
  }
  MOSB_CHECK(check_range(ids, id_count));
  return ids;
}

}  // namespace mosb::lxc
