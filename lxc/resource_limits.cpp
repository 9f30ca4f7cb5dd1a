#include "lxc/resource_limits.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/resource.h>

#include "mosb/base/byte_count.h"

namespace mosb::lxc {

namespace {

struct ResourceLimit {
  __rlimit_resource resource;
  const char* name;
  rlim_t soft;
  rlim_t hard;
};

constexpr std::array kLimits{
    ResourceLimit{RLIMIT_CORE, "core", 0, 0},
    ResourceLimit{RLIMIT_NOFILE, "nofile", 1024, 524288},
    ResourceLimit{RLIMIT_MEMLOCK, "memlock", 8 * kMiB, 8 * kMiB},
    ResourceLimit{RLIMIT_MSGQUEUE, "msgqueue", 819200, 819200},
    ResourceLimit{RLIMIT_SIGPENDING, "sigpending", 4096, 4096},
    ResourceLimit{RLIMIT_NICE, "nice", 0, 0},
    ResourceLimit{RLIMIT_RTPRIO, "rtprio", 0, 0},
};

}  // namespace

Result<std::map<std::string, std::string>> set_resource_limits() {
  for (const ResourceLimit& limit : kLimits) {
    rlimit now{};
    (void)::getrlimit(limit.resource, &now);
    const rlim_t hard = std::min(limit.hard, now.rlim_max);
    const rlimit wanted{std::min(limit.soft, hard), hard};
    if (::setrlimit(limit.resource, &wanted) < 0) {
      const int err = errno;
      return Error::sys("set the limit " + std::string(limit.name), err).as(Errc::kRuntime);
    }
  }
  return read_resource_limits(0);
}

std::map<std::string, std::string> read_resource_limits(pid_t pid) {
  std::map<std::string, std::string> found;
  for (const ResourceLimit& limit : kLimits) {
    rlimit now{};
    found[limit.name] = ::prlimit(pid, limit.resource, nullptr, &now) < 0
                            ? "none"
                            : std::to_string(now.rlim_cur) + ":" + std::to_string(now.rlim_max);
  }
  return found;
}

}  // namespace mosb::lxc
