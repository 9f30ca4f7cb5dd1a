#include "mosb/agent/uid_ranges.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <sstream>

#include <dirent.h>

#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/json.h"
#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxFile{1 * kMiB};
// The real /run, whatever --root says: uids are the host's.
constexpr const char* kHostDir = "/run/mosb-uids";

std::string own_file(const Paths& paths) {
  return paths.state() + "/uid-ranges.json";
}

std::vector<TakenIds> parse_triples(std::string_view text,
                                    char separator,
                                    std::size_t first_field) {
  std::vector<TakenIds> taken;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> fields;
    for (std::string& field : split(line, separator)) {
      if (!field.empty()) {
        fields.push_back(std::move(field));
      }
    }
    if (fields.size() != 3) {
      continue;
    }
    const auto first = parse_uint(fields[first_field], 0, 0xffffffff);
    const auto count = parse_uint(fields[2], 1, 0xffffffff);
    if (first && count) {
      taken.push_back({*first, *count});
    }
  }
  return taken;
}

Result<UidRanges> parse_ranges(const Json& object) {
  UidRanges ranges;
  for (const auto& [group, base] : object.items()) {
    if (!base.is_number_unsigned() || base.get<std::uint64_t>() < kFirstRange ||
        base.get<std::uint64_t>() > kLastRange) {
      return Error(Errc::kState, "group " + quote(group) + " has no valid uid range");
    }
    ranges[group] = base.get<std::uint32_t>();
  }
  return ranges;
}

Result<Json> read_json(const std::string& path) {
  auto text = read_file(path, kMaxFile);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return Json::object();
    }
    return std::move(text).error().as(Errc::kState);
  }
  Json value =
      MOSB_TRY(json::parse(*text, kMaxFile).context("read " + quote(path)).as(Errc::kState));
  if (!value.is_object()) {
    return Error(Errc::kState, quote(path) + " is not a JSON object");
  }
  return value;
}

void append(std::vector<TakenIds>& to, const std::vector<TakenIds>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Ranges that running processes map, so that a container of somebody else who registers nowhere
/// (systemd-nspawn picks freely) is not run into. The identity map of the host is no container.
std::vector<TakenIds> mapped_ids() {
  std::vector<TakenIds> taken;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) {
    return taken;
  }
  std::set<std::string> seen;
  while (const dirent* entry =
             ::readdir(proc.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string pid(static_cast<const char*>(entry->d_name));
    if (!parse_uint(pid, 1, 0x7fffffff)) {
      continue;
    }
    const auto map = read_kernel_file("/proc/" + pid + "/uid_map", kMaxFile);
    if (!map || !seen.insert(*map).second) {
      continue;
    }
    const std::vector<TakenIds> ids = parse_uid_map(*map);
    if (!(ids.size() == 1 && ids[0].first == 0)) {
      append(taken, ids);
    }
  }
  return taken;
}

std::vector<TakenIds> foreign_ids() {
  std::vector<TakenIds> taken = mapped_ids();
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    const auto text = read_named_file(file, kMaxFile);
    if (text) {
      append(taken, parse_subid(*text));
    }
  }
  return taken;
}

std::string host_file() {
  return std::string(kHostDir) + "/ranges.json";
}

/// Ranges of all instances on this host, by instance id.
Result<std::map<std::string, UidRanges>> read_host() {
  std::map<std::string, UidRanges> all;
  const Json host = MOSB_TRY(read_json(host_file()));
  for (const auto& [instance, ranges] : host.items()) {
    if (!ranges.is_object()) {
      return Error(Errc::kState, quote(host_file()) + " is damaged")
          .with_hint("remove it and apply again");
    }
    all[instance] = MOSB_TRY(parse_ranges(ranges));
  }
  return all;
}

Json to_json(const std::map<std::string, UidRanges>& all) {
  Json value = Json::object();
  for (const auto& [instance, ranges] : all) {
    value[instance] = ranges;
  }
  return value;
}

Result<FileLock> lock_host() {
  MOSB_CHECK(sys::mkdir(kHostDir, 0700));
  return FileLock::wait(std::string(kHostDir) + "/lock");
}

Status write_host(const std::map<std::string, UidRanges>& host) {
  MOSB_CHECK(remove_stale_temps(kHostDir));
  return write_file_atomic(host_file(), to_json(host).dump(2) + "\n", 0600);
}

Status check_own(const UidRanges& own,
                 const std::map<std::string, UidRanges>& host,
                 const std::string& instance) {
  for (const auto& [other, ranges] : host) {
    for (const auto& [group, base] : ranges) {
      const auto is_same = [taken = base](const auto& mine) { return mine.second == taken; };
      const bool clash = other != instance && std::any_of(own.begin(), own.end(), is_same);
      if (clash) {
        return Error(Errc::kState,
                     "the uid range at " + std::to_string(base) + " is also used by instance " +
                         quote(other))
            .with_hint(
                "take down that instance, apply here, and apply there again: it gets another "
                "range, unless it has volumes; if one of the two roots is a copy of the other, "
                "remove one");
      }
    }
  }
  return ok();
}

}  // namespace

std::vector<TakenIds> parse_subid(std::string_view text) {
  return parse_triples(text, ':', 1);
}

std::vector<TakenIds> parse_uid_map(std::string_view text) {
  return parse_triples(text, ' ', 1);
}

Result<std::uint32_t> choose_range(std::vector<TakenIds> taken) {
  std::sort(taken.begin(), taken.end(), [](const TakenIds& a, const TakenIds& b) {
    return a.first < b.first;
  });
  std::uint64_t base = kFirstRange;
  for (const TakenIds& t : taken) {
    if (t.first >= base + kRangeSize) {
      break;
    }
    if (t.first + t.count > base) {
      const std::uint64_t behind = t.first + t.count - kFirstRange;
      base = kFirstRange + (behind + kRangeSize - 1) / kRangeSize * kRangeSize;
    }
  }
  if (base > kLastRange) {
    return Error(Errc::kResource, "no range of 65536 host uids is free");
  }
  return static_cast<std::uint32_t>(base);
}

Result<UidRanges> read_uid_ranges(const Paths& paths) {
  return parse_ranges(MOSB_TRY(read_json(own_file(paths)))).context(quote(own_file(paths)));
}

Result<UidRanges> plan_uid_ranges(const Paths& paths, const std::set<std::string>& groups) {
  UidRanges ranges = MOSB_TRY(read_uid_ranges(paths));
  for (const std::string& group : groups) {
    ranges.emplace(group, kFirstRange);
  }
  return ranges;
}

Result<UidRanges> reserve_uid_ranges(const Paths& paths,
                                     const std::string& instance,
                                     const std::set<std::string>& groups) {
  UidRanges own = MOSB_TRY(read_uid_ranges(paths));
  auto host = MOSB_TRY(read_host());
  const bool all_there = std::all_of(
      groups.begin(), groups.end(), [&](const std::string& group) { return own.contains(group); });
  if (all_there && host[instance] == own) {
    return own;
  }
  const FileLock lock = MOSB_TRY(lock_host());
  host = MOSB_TRY(read_host());
  MOSB_CHECK(check_own(own, host, instance));
  std::vector<TakenIds> taken = foreign_ids();
  host[instance] = own;
  for (const auto& [other, ranges] : host) {
    for (const auto& [group, base] : ranges) {
      taken.push_back({base, kRangeSize});
    }
  }
  for (const std::string& group : groups) {
    if (!own.contains(group)) {
      own[group] = MOSB_TRY(choose_range(taken));
      taken.push_back({own[group], kRangeSize});
    }
  }
  host[instance] = own;
  MOSB_CHECK(write_host(host));
  MOSB_CHECK(write_file_atomic(own_file(paths), Json(own).dump(2) + "\n", 0600));
  return own;
}

Status release_uid_ranges(const Paths& paths, const std::string& instance) {
  // Its own record first: one that the host no longer knows of would claim what others may get.
  MOSB_CHECK(sys::unlink(own_file(paths)));
  if (!MOSB_TRY(read_host()).contains(instance)) {
    return ok();
  }
  const FileLock lock = MOSB_TRY(lock_host());
  auto host = MOSB_TRY(read_host());
  host.erase(instance);
  return write_host(host);
}

}  // namespace mosb::agent
