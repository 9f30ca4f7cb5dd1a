#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mosb/base/result.h"
#include "mosb/net/netlink_message.h"

namespace mosb::net {

/// A conversation with one family of the kernel's netlink, in the network namespace of the thread
/// that opens it.
class NetlinkSocket {
 public:
  /// Called for each message of an answer.
  using Take = std::function<void(const nlmsghdr&)>;

  /// `family`: NETLINK_ROUTE or NETLINK_NETFILTER. Errors: kHost.
  static Result<NetlinkSocket> open(int family);

  /// Sends a request and waits until the kernel has said yes, no, or all there is to say. Errors:
  /// kNetSetup, "WHAT: the kernel's words"; sys_errno() is the kernel's. One that asks for
  /// something that changed meanwhile (NLM_F_DUMP_INTR) is kBusy: it may be asked again.
  Status ask(const NetlinkMessage& message, const std::string& what, const Take& take = {});

 private:
  NetlinkSocket(const NlLibrary& nl, nl_sock* socket) : nl_(&nl), socket_(socket, nl.socket_free) {}

  const NlLibrary* nl_;
  std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket_;
};

}  // namespace mosb::net
