#include "mosb/base/user_namespace.h"

#include <algorithm>
#include <string>
#include <vector>

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr ByteCount kMaxMap{64 * kKiB};
constexpr std::uint64_t kMaxId = 0xffffffff;

/// One line: ids from `first` on of this namespace are others outside.
struct Extent {
  std::uint64_t first;
  std::uint64_t outside;
  std::uint64_t count;
  std::uint64_t end() const { return first + count; }
};

Result<std::vector<Extent>> parse_map(std::string_view map) {
  std::vector<Extent> extents;
  for (const std::string& line : split(map, '\n')) {
    std::vector<std::string> words = split(line, ' ');
    std::erase(words, "");
    if (words.empty()) {
      continue;
    }
    if (words.size() != 3) {
      return Error(Errc::kHost, "the kernel's id map has a line " + quote(line));
    }
    extents.push_back(Extent{.first = MOSB_TRY(parse_uint(words[0], 0, kMaxId)),
                             .outside = MOSB_TRY(parse_uint(words[1], 0, kMaxId)),
                             .count = MOSB_TRY(parse_uint(words[2], 0, kMaxId))});
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return a.first < b.first;
  });
  return extents;
}

}  // namespace

bool maps_ids(std::string_view map, std::uint32_t first, std::uint32_t count) {
  const auto extents = parse_map(map);
  if (!extents) {
    return false;
  }
  const std::uint64_t end = std::uint64_t{first} + count;
  std::uint64_t covered = first;
  for (const Extent& extent : *extents) {
    if (extent.first <= covered && covered < extent.end()) {
      covered = extent.end();
    }
  }
  return covered >= end;
}

Result<bool> is_in_host_user_namespace() {
  const std::vector<Extent> extents =
      MOSB_TRY(parse_map(MOSB_TRY(read_kernel_file("/proc/self/uid_map", kMaxMap))));
  return extents.size() == 1 && extents[0].first == 0 && extents[0].outside == 0 &&
         extents[0].count == kMaxId;
}

Result<bool> has_ids(std::uint32_t first, std::uint32_t count) {
  const std::string users = MOSB_TRY(read_kernel_file("/proc/self/uid_map", kMaxMap));
  const std::string groups = MOSB_TRY(read_kernel_file("/proc/self/gid_map", kMaxMap));
  return maps_ids(users, first, count) && maps_ids(groups, first, count);
}

}  // namespace mosb
