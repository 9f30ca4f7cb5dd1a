#include "provider-kvm/host_user.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/proc_status.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxStatus{64 * kKiB};

using Fields = std::map<std::string, std::string>;

/// Empty if there is no such field.
std::vector<std::string> words_of(const Fields& status, const std::string& name) {
  const auto field = status.find(name);
  return field == status.end() || field->second.empty() ? std::vector<std::string>()
                                                        : split(field->second, ' ');
}

bool is_number(const std::string& name) {
  return name.find_first_not_of("0123456789") == std::string::npos;
}

/// It has ended, and waits for its parent to ask how.
bool is_zombie(const Fields& status) {
  const std::vector<std::string> state = words_of(status, "State");
  return !state.empty() && (state[0] == "Z" || state[0] == "X");
}

/// Of users and groups that processes have now. One that ends meanwhile is passed over.
Result<std::set<std::uint32_t>> ids_in_use() {
  std::set<std::uint32_t> ids;
  for (const std::string& pid : MOSB_TRY(list_dir("/proc"))) {
    const auto status = is_number(pid) ? read_kernel_file("/proc/" + pid + "/status", kMaxStatus)
                                       : Result<std::string>(std::string());
    const Fields fields = parse_proc_status(status ? *status : "");
    if (!status || is_zombie(fields)) {
      continue;
    }
    for (const char* const name : {"Uid", "Gid", "Groups"}) {
      for (const std::string& word : words_of(fields, name)) {
        if (const auto id = parse_uint(word, kFirstUser, kLastUser)) {
          ids.insert(static_cast<std::uint32_t>(*id));
        }
      }
    }
  }
  return ids;
}

/// Whether there is such a user or group; one that can't be asked for counts as taken.
bool has_name(std::uint32_t id) {
  std::array<char, 16384> buffer{};
  passwd user{};
  passwd* found_user = nullptr;
  const int user_err = ::getpwuid_r(id, &user, buffer.data(), buffer.size(), &found_user);
  group entry{};
  group* found_group = nullptr;
  const int group_err = ::getgrgid_r(id, &entry, buffer.data(), buffer.size(), &found_group);
  // Some sources of names say ENOENT for "no such number".
  const auto asked = [](int err) { return err == 0 || err == ENOENT || err == ESRCH; };
  return found_user != nullptr || found_group != nullptr || !asked(user_err) || !asked(group_err);
}

Result<UniqueFd> lock_choice(const std::string& dir) {
  MOSB_CHECK(sys::mkdir_all(dir, 0700));
  UniqueFd fd = MOSB_TRY(sys::open(dir, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX) < 0) {
    if (errno != EINTR) {
      return Error::sys("lock " + quote(dir), errno);
    }
  }
  return fd;
}

Status check_field(const Fields& status,
                   const std::string& name,
                   const std::vector<std::string>& allowed) {
  const std::vector<std::string> words = words_of(status, name);
  bool good = !words.empty() || name == "Groups";
  for (const std::string& word : words) {
    good = good && std::find(allowed.begin(), allowed.end(), word) != allowed.end();
  }
  if (good) {
    return ok();
  }
  std::string said;
  for (const std::string& word : words) {
    said += " " + word;
  }
  return Error(Errc::kBoot, "it did not give up its privileges (" + name + ":" + said + ")");
}

}  // namespace

Result<HostUser> choose_user(const std::string& name, const std::string& lock_dir) {
  HostUser user{0, MOSB_TRY(lock_choice(lock_dir))};
  const std::set<std::uint32_t> in_use = MOSB_TRY(ids_in_use());
  const auto wanted = static_cast<std::uint32_t>(
      std::stoul(Digest::of("machine-user/" + name).hex().substr(0, 7), nullptr, 16));
  user.id = MOSB_TRY(first_free_user(
      wanted, [&](std::uint32_t id) { return in_use.count(id) != 0 || has_name(id); }));
  return user;
}

Status check_confined(std::string_view text, std::uint32_t user) {
  const Fields status = parse_proc_status(text);
  const std::vector<std::string> id{std::to_string(user)};
  const std::vector<std::string> none{"0000000000000000"};
  for (const char* const name : {"Uid", "Gid", "Groups"}) {
    MOSB_CHECK(check_field(status, name, id));
  }
  for (const char* const name : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    MOSB_CHECK(check_field(status, name, none));
  }
  return check_field(status, "NoNewPrivs", {"1"});
}

Status check_confined_process(pid_t pid, std::uint32_t user) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const std::string& task : MOSB_TRY(list_dir(tasks))) {
    const auto status = read_kernel_file(tasks + "/" + task + "/status", kMaxStatus);
    if (!status) {
      const int err = status.error().sys_errno();
      if (err == ENOENT || err == ESRCH) {
        continue;  // a thread that has ended
      }
      return status.error();
    }
    MOSB_CHECK(check_confined(*status, user));
  }
  return ok();
}

}  // namespace mosb::kvm
