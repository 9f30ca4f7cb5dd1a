#include "provider-kvm/process_identity.h"

#include <cerrno>
#include <string>
#include <vector>

#include <poll.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

constexpr ByteCount kMaxStat{8 * kKiB};
/// Of the fields behind the name in parentheses, which may hold anything (proc(5)).
constexpr std::size_t kStartTime = 22 - 3;

}  // namespace

Result<ProcessIdentity> identify(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/stat";
  const auto text = read_kernel_file(file, kMaxStat);
  if (!text) {
    const int err = text.error().sys_errno();
    // ESRCH: it ended between open and read.
    return err == ENOENT || err == ESRCH
               ? Error(Errc::kNotFound, "there is no process " + std::to_string(pid))
               : text.error();
  }
  const std::size_t name_end = text->rfind(") ");
  if (name_end == std::string::npos) {
    return Error(Errc::kInternal, quote(file) + " is not understood");
  }
  const std::vector<std::string> fields = split(std::string_view(*text).substr(name_end + 2), ' ');
  if (fields.size() <= kStartTime) {
    return Error(Errc::kInternal, quote(file) + " is not understood");
  }
  return ProcessIdentity{pid, MOSB_TRY(parse_uint(fields[kStartTime], 0, ~std::uint64_t{0}))};
}

Result<std::optional<UniqueFd>> open_process(const ProcessIdentity& identity) {
  auto pidfd = sys::pidfd_open(identity.pid);
  if (!pidfd) {
    if (pidfd.error().sys_errno() == ESRCH || pidfd.error().sys_errno() == EINVAL) {
      return std::optional<UniqueFd>();
    }
    return std::move(pidfd).error();
  }
  // The number is looked up while the pidfd holds it: what it means now it will mean later.
  const auto now = identify(identity.pid);
  if (!now && now.error().code() != Errc::kNotFound) {
    // Not knowing is no reason to take a process for one that has ended.
    return now.error();
  }
  pollfd ended{pidfd->get(), POLLIN, 0};
  if (!now || *now != identity || ::poll(&ended, 1, 0) > 0) {
    return std::optional<UniqueFd>();
  }
  return std::optional<UniqueFd>(*std::move(pidfd));
}

}  // namespace mosb::kvm
