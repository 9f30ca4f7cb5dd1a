#include "mosb/net/who_has.h"

#include <array>
#include <cerrno>
#include <chrono>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>

#include "mosb/base/deadline.h"
#include "mosb/base/unique_fd.h"
#include "mosb/net/claim_frame.h"

namespace mosb::net {

namespace {

constexpr std::chrono::milliseconds kPatience{20};
/// More than what is looked at of a frame.
constexpr std::size_t kFrame = 256;

Error failed(const char* what) {
  return Error::sys(std::string("ask who has an address: ") + what, errno).as(Errc::kNetSetup);
}

/// Hears every frame of one protocol that arrives at a device.
class PacketSocket {
 public:
  static Result<PacketSocket> open(int device, std::uint16_t protocol) {
    // Without a protocol it hears nothing before it is bound.
    PacketSocket made(UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    if (!made.fd_.is_open()) {
      return failed("socket");
    }
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_protocol = htons(protocol);
    place.sll_ifindex = device;
    socklen_t size = sizeof place;
    auto* const at = reinterpret_cast<sockaddr*>(&place);
    if (::bind(made.fd_.get(), at, size) < 0 || ::getsockname(made.fd_.get(), at, &size) < 0) {
      return failed("bind");
    }
    std::copy_n(std::begin(place.sll_addr), made.mac_.bytes.size(), made.mac_.bytes.begin());
    return made;
  }

  /// The device's.
  const MacAddress& mac() const { return mac_; }
  int fd() const { return fd_.get(); }

  Status send(const std::vector<std::uint8_t>& frame) const {
    // A device that is down has nobody to ask.
    if (::send(fd_.get(), frame.data(), frame.size(), 0) < 0 && errno != ENETDOWN &&
        errno != ENOBUFS) {
      return failed("send");
    }
    return ok();
  }
  /// What one frame says, if one is there and says something.
  std::optional<Neighbour> take() const {
    std::array<std::uint8_t, kFrame> frame{};
    const ssize_t size = ::recv(fd_.get(), frame.data(), frame.size(), 0);
    return size < 0 ? std::nullopt
                    : claim_in(std::span(frame).first(static_cast<std::size_t>(size)));
  }

 private:
  explicit PacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  MacAddress mac_;
};

/// What is heard within the time.
template <class Hear>
void listen(const PacketSocket& arp, const PacketSocket& ip6, const Hear& hear) {
  const Deadline deadline = Deadline::in(kPatience);
  while (!deadline.over()) {
    std::array<pollfd, 2> fds{{{arp.fd(), POLLIN, 0}, {ip6.fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), deadline.poll_ms()) <= 0) {
      continue;
    }
    for (const PacketSocket* socket : {&arp, &ip6}) {
      if (const auto claim = socket->take()) {
        hear(*claim);
      }
    }
  }
}

}  // namespace

Result<std::map<IpAddress, MacAddress>> who_has(int device,
                                                const std::set<IpAddress>& addresses,
                                                const std::set<MacAddress>& own,
                                                int questions) {
  std::map<IpAddress, MacAddress> holders;
  if (addresses.empty()) {
    return holders;
  }
  const PacketSocket arp = MOSB_TRY(PacketSocket::open(device, ETH_P_ARP));
  const PacketSocket ip6 = MOSB_TRY(PacketSocket::open(device, ETH_P_IPV6));
  for (; questions > 0; --questions) {
    for (const IpAddress& address : addresses) {
      MOSB_CHECK((address.is_v4() ? arp : ip6).send(question_frame(address, arp.mac())));
    }
    listen(arp, ip6, [&](const Neighbour& claim) {
      if (addresses.contains(claim.address) && claim.mac != arp.mac() && !own.contains(claim.mac)) {
        holders.insert_or_assign(claim.address, claim.mac);
      }
    });
  }
  return holders;
}

}  // namespace mosb::net
