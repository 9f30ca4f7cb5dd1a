#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Services of one group share a range of this many host uids and gids.
constexpr std::uint32_t kRangeSize = 65536;
/// Where mosb's ranges begin. The uid just below it is the layer servers'.
constexpr std::uint32_t kFirstRange = 1U << 29U;
/// The last id that a range may hold: (uid_t)-1 and -2 mean something else.
constexpr std::uint32_t kLastRange = 0xfffe0000;

/// By group name: the first host id.
using UidRanges = std::map<std::string, std::uint32_t>;

/// A stretch of ids that somebody else uses.
struct TakenIds {
  std::uint64_t first;
  std::uint64_t count;
};

/// Text in the form of /etc/subuid; lines that are no entries are passed over.
std::vector<TakenIds> parse_subid(std::string_view text);
/// Text in the form of /proc/PID/uid_map: the ids on the host's side.
std::vector<TakenIds> parse_uid_map(std::string_view text);
/// The first range from kFirstRange upwards that touches nothing taken. Errors: kResource.
Result<std::uint32_t> choose_range(std::vector<TakenIds> taken);

/// Makes sure that every group has a range, disjoint from each other's, from other instances' on
/// this host, from /etc/subuid and /etc/subgid and from the ids that running containers map. A
/// group keeps its range until release_uid_ranges(): files in volumes belong to it. Durable before
/// it returns.
/// Errors: kState if another instance holds a range that this one recorded.
Result<UidRanges> reserve_uid_ranges(const Paths& paths,
                                     const std::string& instance,
                                     const std::set<std::string>& groups);
/// Gives all ranges of an instance back, of which nothing runs and which has no volumes any more.
Status release_uid_ranges(const Paths& paths, const std::string& instance);
/// What is recorded, without reserving.
Result<UidRanges> read_uid_ranges(const Paths& paths);
/// The same for a plan: a group without a range, which has no running service either, gets any.
Result<UidRanges> plan_uid_ranges(const Paths& paths, const std::set<std::string>& groups);

}  // namespace mosb::agent
