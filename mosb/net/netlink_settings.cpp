#include <algorithm>
#include <cerrno>
#include <span>

#include <fcntl.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/net/netlink.h"

namespace mosb::net {

namespace {

constexpr ByteCount kMaxSetting{4 * kKiB};

/// As sysctl(8): dots separate, and a slash stands for a dot in a name.
Result<std::string> path_of(const std::string& setting) {
  for (const std::string& part : split(setting, '.')) {
    if (part.empty() || part == "/" || part == "//") {
      return Error(Errc::kInternal, quote(setting) + " is no setting");
    }
  }
  std::string path = setting;
  for (char& c : path) {
    c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  return "/proc/sys/" + path;
}

}  // namespace

// /proc/sys/net shows the network namespace of the thread that looks.
Result<std::optional<std::string>> LibNetlink::setting(const std::string& name) {
  const auto value = read_kernel_file(MOSB_TRY(path_of(name)), kMaxSetting);
  if (!value) {
    if (value.error().sys_errno() == ENOENT) {
      return std::optional<std::string>();
    }
    return Error(value.error()).as(Errc::kNetSetup);
  }
  return std::optional<std::string>(value->substr(0, value->find('\n')));
}

Status LibNetlink::set(const std::string& name, const std::string& value) {
  const auto write = [&]() -> Status {
    const UniqueFd fd = MOSB_TRY(sys::open(MOSB_TRY(path_of(name)), O_WRONLY));
    return sys::write_all(fd.get(), std::as_bytes(std::span(value)));
  };
  return write().context("set " + name + " to " + value).as(Errc::kNetSetup);
}

}  // namespace mosb::net
