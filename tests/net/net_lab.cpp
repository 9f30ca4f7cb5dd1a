#include "tests/net/net_lab.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/net/nft.h"
#include "tests/support/must.h"

namespace mosb::net {

namespace {

constexpr char kInstance[] = "0badcafe";
constexpr suseconds_t kPatience = 300'000;

void require(bool holds, const std::string& what) {
  if (!holds) {
    throw std::runtime_error(what + ": " + std::string(::strerror(errno)));
  }
}

/// As IPv6 socket address, IPv4 in its mapped form.
sockaddr_in6 socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  const std::string text = address.find(':') == std::string::npos ? "::ffff:" + address : address;
  require(::inet_pton(AF_INET6, text.c_str(), &to.sin6_addr) == 1, text);
  return to;
}

std::string text_of(const sockaddr_in6& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &from.sin6_addr, text.data(), text.size());
  const std::string address = text.data();
  return address.starts_with("::ffff:") ? address.substr(7) : address;
}

int bound_socket(int type, const std::string& address, std::uint16_t port) {
  const int fd = ::socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int off = 0;
  require(fd >= 0, "socket");
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const sockaddr_in6 own = socket_address(address, port);
  require(::bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0, "bind");
  return fd;
}

void answer_one(int tcp, int udp, bool is_tcp) {
  sockaddr_in6 from{};
  socklen_t size = sizeof from;
  auto* const peer = reinterpret_cast<sockaddr*>(&from);
  if (is_tcp) {
    const UniqueFd client(::accept4(tcp, peer, &size, SOCK_CLOEXEC));
    const std::string text = text_of(from);
    (void)!::write(client.get(), text.data(), text.size());
  } else {
    char question = 0;
    (void)!::recvfrom(udp, &question, 1, 0, peer, &size);
    const std::string text = text_of(from);
    (void)!::sendto(udp, text.data(), text.size(), 0, peer, size);
  }
}

[[noreturn]] void serve(int tcp, int udp) {
  std::array<pollfd, 2> fds{{{tcp, POLLIN, 0}, {udp, POLLIN, 0}}};
  while (::poll(fds.data(), fds.size(), -1) >= 0) {
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0) {
        answer_one(tcp, udp, i == 0);
      }
    }
  }
  ::_exit(1);
}

std::string ask_here(Protocol protocol, const std::string& address, std::uint16_t port) {
  const int type = protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  const UniqueFd fd(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 0, .tv_usec = kPatience};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const sockaddr_in6 to = socket_address(address, port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
    return errno == ECONNREFUSED ? "refused" : "nothing";
  }
  std::array<char, 100> answer{};
  if (protocol == Protocol::kUdp && ::send(fd.get(), "x", 1, 0) < 0) {
    return "nothing";
  }
  const ssize_t size = ::recv(fd.get(), answer.data(), answer.size(), 0);
  if (size < 0) {
    return errno == ECONNREFUSED ? "refused" : "nothing";
  }
  return {answer.data(), static_cast<std::size_t>(size)};
}

ServicePort service_port(const std::string& name, unsigned number) {
  return {.service = name,
          .mac = MacAddress::derived_from(std::string(kInstance) + "/" + name),
          .ipv4 = must(IpAddress::parse("10.0.3." + std::to_string(number))),
          .ipv6 = must(IpAddress::parse("fd00:3::" + std::to_string(number))),
          .isolated = false,
          .forwards = {}};
}

/// The kernel tells of new links once in a second at most.
void wait_for_links(const NetNs& where) {
  for (int i = 0; i < 200; ++i) {
    if (where.output("ip -o link").find("NO-CARRIER") == std::string::npos) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("links do not come up: " + where.output("ip link"));
}

}  // namespace

NetNs::NetNs() {
  fd_ = std::async(std::launch::async, [] {
          require(::unshare(CLONE_NEWNET) == 0, "unshare");
          UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
          require(fd.is_open(), "open /proc/thread-self/ns/net");
          return fd;
        }).get();
  sh("ip link set lo up");
}

std::string NetNs::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd());
}

void NetNs::in(const std::function<void()>& work) const {
  std::async(std::launch::async, [&] {
    require(::setns(fd(), CLONE_NEWNET) == 0, "setns");
    work();
  }).get();
}

void NetNs::sh(const std::string& command) const {
  in([&] {
    const int status = std::system(command.c_str());  // NOLINT: the tests' own words
    require(status == 0, command);
  });
}

std::string NetNs::output(const std::string& command) const {
  std::string text;
  in([&] {
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "re");  // NOLINT: the tests' own words
    require(pipe != nullptr, command);
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
      text.append(buffer.data(), n);
    }
    ::pclose(pipe);
  });
  return text;
}

EchoServer::EchoServer(const NetNs& where, std::uint16_t port, const std::string& address) {
  where.in([&] {
    const UniqueFd tcp(bound_socket(SOCK_STREAM, address, port));
    const UniqueFd udp(bound_socket(SOCK_DGRAM, address, port));
    require(::listen(tcp.get(), 50) == 0, "listen");
    pid_ = ::fork();
    require(pid_ >= 0, "fork");
    if (pid_ == 0) {
      serve(tcp.get(), udp.get());
    }
  });
}

EchoServer::~EchoServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string ask(const NetNs& from,
                Protocol protocol,
                const std::string& address,
                std::uint16_t port) {
  std::string answer;
  from.in([&] { answer = ask_here(protocol, address, port); });
  return answer;
}

NetLab::NetLab() {
  // Between the host and outside nothing has to be waited for.
  const std::string no_wait = "sysctl -qw net.ipv6.conf.default.accept_dad=";
  host.sh(no_wait + "0");
  outside.sh(no_wait + "0");
  host.sh("ip link add up0 index 50 type veth peer name eth0 netns " + outside.path());
  host.sh(
      "ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad; "
      "ip link set up0 up");
  host.sh(no_wait + "1");
  outside.sh(
      "ip addr add 192.0.2.2/24 dev eth0; ip addr add 2001:db8::2/64 dev eth0 nodad; "
      "ip link set eth0 up; ip route add 10.0.3.0/24 via 192.0.2.1; "
      "ip route add fd00:3::/64 via 2001:db8::1");
  spec.instance = kInstance;
  spec.bridge = {.name = "lxcbr0",
                 .ipv4 = must(IpPrefix::parse("10.0.3.1/24")),
                 .ipv6 = must(IpPrefix::parse("fd00:3::1/64"))};
  ServicePort a = service_port("a", 99);
  const auto loopback = must(IpAddress::parse("127.0.0.1"));
  const auto global = must(IpAddress::parse("2001:db8::1"));
  a.forwards = {{Protocol::kTcp, std::nullopt, 80, 5000},
                {Protocol::kUdp, std::nullopt, 80, 5000},
                {Protocol::kTcp, loopback, 81, 5000},
                {Protocol::kUdp, loopback, 81, 5000},
                {Protocol::kTcp, global, 82, 5000}};
  ServicePort c = service_port("c", 101);
  c.isolated = true;
  c.forwards = {{Protocol::kTcp, std::nullopt, 90, 5000}, {Protocol::kUdp, std::nullopt, 90, 5000}};
  spec.services = {a, service_port("b", 100), c};
}

std::vector<std::string> NetLab::plan() const {
  std::vector<std::string> texts;
  host.in([&] {
    LibNetlink netlink;
    LibNft nft;
    const auto state = must(read_network_state(spec.instance, spec.bridge.name, netlink, nft));
    for (const NetworkStep& step : must(plan_network(spec, state, record, running))) {
      texts.push_back(step.object + ": " + describe(step));
    }
  });
  return texts;
}

std::vector<std::string> NetLab::settle() {
  std::vector<std::string> texts;
  host.in([&] {
    LibNetlink netlink;
    LibNft nft;
    const auto state = must(read_network_state(spec.instance, spec.bridge.name, netlink, nft));
    const auto steps = must(plan_network(spec, state, record, running));
    for (const NetworkStep& step : steps) {
      texts.push_back(step.object + ": " + describe(step));
    }
    must(execute(steps, spec, netlink, nft, record));
  });
  if (!running.empty()) {
    wait_for_links(host);
    wait_for_links(outside);
  }
  return texts;
}

NetworkState NetLab::state() const {
  NetworkState state;
  host.in([&] {
    LibNetlink netlink;
    LibNft nft;
    state = must(read_network_state(spec.instance, spec.bridge.name, netlink, nft));
  });
  return state;
}

void NetLab::connect(const std::string& name) {
  services_.emplace_back(name, NetNs());
  running.push_back(name);
  host.in([&] {
    LibNetlink netlink;
    must(net::connect(spec, service(name), ns(name).fd(), netlink));
  });
  wait_for_links(outside);
  wait_for_links(host);
  wait_for_links(ns(name));
}

const ServicePort& NetLab::service(const std::string& name) const {
  for (const ServicePort& port : spec.services) {
    if (port.service == name) {
      return port;
    }
  }
  throw std::runtime_error("no service " + name);
}

const NetNs& NetLab::ns(const std::string& service) const {
  for (auto it = services_.rbegin(); it != services_.rend(); ++it) {
    if (it->first == service) {
      return it->second;
    }
  }
  throw std::runtime_error("no namespace of " + service);
}

std::string NetLab::device(const std::string& service) const {
  return device_name(spec.instance, service);
}

}  // namespace mosb::net
