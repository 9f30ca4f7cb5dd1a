#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mosb/base/unique_fd.h"
#include "mosb/net/network_plan.h"

namespace mosb::net {

/// A network namespace that lasts as long as this: it has no name that could be left behind.
class NetNs {
 public:
  NetNs();
  int fd() const { return fd_.get(); }
  /// As another process can open it.
  std::string path() const;
  /// On a thread in the namespace.
  void in(const std::function<void()>& work) const;
  /// A command of the shell in the namespace; the test ends if it fails.
  void sh(const std::string& command) const;
  /// What it prints, whether it fails or not.
  std::string output(const std::string& command) const;

 private:
  UniqueFd fd_;
};

/// Answers on a port, TCP and UDP, IPv4 and IPv6, with the address that the question came from.
class EchoServer {
 public:
  /// `address`: :: for any.
  EchoServer(const NetNs& where, std::uint16_t port, const std::string& address = "::");
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  EchoServer(EchoServer&&) = delete;
  EchoServer& operator=(EchoServer&&) = delete;

 private:
  pid_t pid_ = -1;
};

/// What an EchoServer saw as the sender, "refused", or "nothing" after a while.
std::string ask(const NetNs& from,
                Protocol protocol,
                const std::string& address,
                std::uint16_t port);

/// A host with services at its bridge and somebody outside (192.0.2.2, 2001:db8::2) who even has
/// routes to the bridge's networks; the host is 192.0.2.1 and 2001:db8::1.
struct NetLab {
  NetLab();

  /// Plans and executes; the steps done.
  std::vector<std::string> settle();
  std::vector<std::string> plan() const;
  NetworkState state() const;
  /// Makes the network of a running service, as connect() does.
  void connect(const std::string& service);
  const ServicePort& service(const std::string& name) const;
  const NetNs& ns(const std::string& service) const;
  std::string device(const std::string& service) const;

  NetNs host;
  NetNs outside;
  NetworkSpec spec;
  NetworkRecord record;
  std::vector<std::string> running;

 private:
  std::vector<std::pair<std::string, NetNs>> services_;
};

}  // namespace mosb::net
