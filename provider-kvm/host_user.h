#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

/// The user of the host that a machine's processes run as: one that nobody else is, so that a guest
/// which took over its qemu can reach neither the host's files nor another machine.
namespace mosb::kvm {

/// What systemd gives to services without a user of their own.
/// Spec: systemd, docs/UIDS-GIDS.md.
inline constexpr std::uint32_t kFirstUser = 61184;
inline constexpr std::uint32_t kLastUser = 65519;

struct HostUser {
  /// Of the user and of its group.
  std::uint32_t id;
  /// While this is open no other machine of the host chooses its user.
  UniqueFd choosing;
};

/// A number that no user, group or process of the host has. The same `name` gives the same number
/// as long as that is free. `lock_dir` is one for all machines of the host, and made if it is
/// missing; only root may enter it. Errors: kResource if all are taken.
Result<HostUser> choose_user(const std::string& name, const std::string& lock_dir);

/// The same choice (pure). `is_taken` says what must not be chosen.
template <class IsTaken>
Result<std::uint32_t> first_free_user(std::uint32_t wanted, const IsTaken& is_taken) {
  constexpr std::uint32_t kCount = kLastUser - kFirstUser + 1;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const std::uint32_t id = kFirstUser + (wanted + i) % kCount;
    if (!is_taken(id)) {
      return id;
    }
  }
  return Error(Errc::kResource,
               "every user from " + std::to_string(kFirstUser) + " to " +
                   std::to_string(kLastUser) + " is taken");
}

/// Whether text like that of /proc/PID/status is of a process that is that user and group only, has
/// no capability and can gain none (pure). Errors: kBoot, with the line that says otherwise.
Status check_confined(std::string_view text, std::uint32_t user);

/// Asks the same about each thread of a process.
Status check_confined_process(pid_t pid, std::uint32_t user);

}  // namespace mosb::kvm
