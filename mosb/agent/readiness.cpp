#include "mosb/agent/readiness.h"

#include <algorithm>
#include <thread>

#include "mosb/base/text.h"
#include "mosb/net/socket_table.h"

namespace mosb::agent {

namespace {

using Clock = std::chrono::steady_clock;

/// Nothing tells when a socket begins to listen, so it is looked for; seldom enough to cost
/// nothing.
constexpr std::chrono::milliseconds kFirstPause{2};
constexpr std::chrono::milliseconds kLongestPause{50};

std::string port_name(const manifest::TargetPort& port) {
  return "port " + std::to_string(port.container) +
         (port.name.empty() ? "" : " (" + port.name + ")");
}

std::string fault(const manifest::TargetPort& port,
                  const IpAddress& address,
                  const std::vector<net::ListeningSocket>& sockets) {
  for (const net::Protocol protocol : {net::Protocol::kTcp, net::Protocol::kUdp}) {
    const bool meant = port.protocol == manifest::TargetPort::Protocol::kBoth ||
                       (port.protocol == manifest::TargetPort::Protocol::kUdp) ==
                           (protocol == net::Protocol::kUdp);
    if (!meant) {
      continue;
    }
    switch (net::reached_at(sockets, protocol, address, port.container)) {
      case net::Reached::kYes:
        break;
      case net::Reached::kOnlyLoopback:
        return port_name(port) +
               " is open on the service's own loopback only: it must listen on "
               "0.0.0.0 or " +
               address.str();
      case net::Reached::kNo:
        return std::string("nothing listens at ") + net::protocol_name(protocol) + " " +
               port_name(port);
    }
  }
  return "";
}

}  // namespace

Result<std::string> why_not_ready(const std::vector<manifest::TargetPort>& ports,
                                  const IpAddress& address,
                                  pid_t pid) {
  if (ports.empty()) {
    return std::string();
  }
  const std::vector<net::ListeningSocket> sockets = MOSB_TRY(net::listening_sockets(pid));
  for (const manifest::TargetPort& port : ports) {
    std::string why = fault(port, address, sockets);
    if (!why.empty()) {
      return why;
    }
  }
  return std::string();
}

Status await_ready(const std::string& service,
                   const std::vector<manifest::TargetPort>& ports,
                   const IpAddress& address,
                   std::chrono::milliseconds limit,
                   const std::function<Result<std::optional<pid_t>>()>& process) {
  if (ports.empty()) {
    return ok();
  }
  std::chrono::milliseconds patience{0};
  for (const manifest::TargetPort& port : ports) {
    patience = std::max(patience, std::min(port.wait.value_or(patience), limit));
  }
  const Clock::time_point deadline = Clock::now() + patience;
  std::chrono::milliseconds pause = kFirstPause;
  for (;;) {
    const std::optional<pid_t> pid = MOSB_TRY(process());
    if (!pid) {
      return Error(Errc::kRuntime, "service " + quote(service) + " ended before it was ready")
          .with_hint("`mosb logs " + service + "` shows what it said");
    }
    const std::string why = MOSB_TRY(why_not_ready(ports, address, *pid));
    if (why.empty()) {
      return ok();
    }
    if (Clock::now() >= deadline) {
      return Error(Errc::kRuntime, "service " + quote(service) + " is not ready: " + why)
          .with_hint("`mosb logs " + service + "` shows what it said");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace mosb::agent
