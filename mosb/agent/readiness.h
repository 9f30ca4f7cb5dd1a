#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/manifest/target.h"

namespace mosb::agent {

/// Why a service is not ready: the first of the ports that nothing listens at, or that is open to
/// the service itself only; "" if it is ready. The kernel's own tables are read, of the network
/// namespace that process `pid` is in: nothing is sent, no program sees a connection that is none.
/// Errors: kHost.
Result<std::string> why_not_ready(const std::vector<manifest::TargetPort>& ports,
                                  const IpAddress& address,
                                  pid_t pid);

/// Waits until the service is ready, each port as long as it says and none beyond `limit`.
/// `process`: process 1 as long as the service runs.
/// Errors: kRuntime, naming the port, or that the service ended.
Status await_ready(const std::string& service,
                   const std::vector<manifest::TargetPort>& ports,
                   const IpAddress& address,
                   std::chrono::milliseconds limit,
                   const std::function<Result<std::optional<pid_t>>()>& process);

}  // namespace mosb::agent
