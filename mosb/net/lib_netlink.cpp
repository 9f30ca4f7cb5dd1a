#include <array>
#include <cerrno>
#include <cstring>
#include <future>

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include "mosb/base/text.h"
#include "mosb/net/names.h"
#include "mosb/net/netlink.h"
#include "mosb/net/netlink_message.h"
#include "mosb/net/netlink_socket.h"

namespace mosb::net {

namespace {

/// How often a list is asked for again that changed while it was read.
constexpr int kMaxAttempts = 16;

std::span<const std::byte> bytes_of(const MacAddress& mac) {
  return std::as_bytes(std::span(mac.bytes));
}

/// `request` with one header, sent; nothing is expected but the kernel's consent.
Status tell(const NetlinkMessage& message, const std::string& what) {
  NetlinkSocket socket = MOSB_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  return socket.ask(message, what);
}

Result<NetlinkMessage> link_message(int type, int index, int flags = 0) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(type, flags));
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  message.append(header);
  return message;
}

/// Asks for all of a kind, with nothing taken twice if the kernel has it asked again.
Status dump(const NetlinkMessage& message,
            const std::string& what,
            const std::function<void()>& clear,
            const NetlinkSocket::Take& take) {
  for (int attempt = 1;; ++attempt) {
    clear();
    NetlinkSocket socket = MOSB_TRY(NetlinkSocket::open(NETLINK_ROUTE));
    const Status done = socket.ask(message, what, take);
    if (done || done.error().code() != Errc::kBusy || attempt == kMaxAttempts) {
      return Status(done).as(Errc::kNetSetup);
    }
  }
}

/// The attributes of a message or of a nested attribute.
class Attributes {
 public:
  Attributes(const NlLibrary& nl, const nlmsghdr& message, int header)
      : nl_(nl),
        first_(nl.msg_attrdata(&message, header)),
        length_(nl.msg_attrlen(&message, header)) {}

  std::string text(int type) const {
    const nlattr* const attribute = find(type);
    if (attribute == nullptr) {
      return "";
    }
    const std::string_view bytes(static_cast<const char*>(nl_.attr_data(attribute)),
                                 static_cast<std::size_t>(nl_.attr_len(attribute)));
    return std::string(bytes.substr(0, bytes.find('\0')));
  }
  template <class Value>
  Value number(int type) const {
    Value value{};
    const nlattr* const attribute = find(type);
    if (attribute != nullptr && nl_.attr_len(attribute) >= static_cast<int>(sizeof value)) {
      std::memcpy(&value, nl_.attr_data(attribute), sizeof value);
    }
    return value;
  }
  bool has(int type) const { return find(type) != nullptr; }
  std::optional<Attributes> nested(int type) const {
    const nlattr* const attribute = find(type);
    if (attribute == nullptr) {
      return std::nullopt;
    }
    return Attributes(
        nl_, static_cast<const nlattr*>(nl_.attr_data(attribute)), nl_.attr_len(attribute));
  }

 private:
  Attributes(const NlLibrary& nl, const nlattr* first, int length)
      : nl_(nl), first_(first), length_(length) {}
  const nlattr* find(int type) const { return nl_.attr_find(first_, length_, type); }

  const NlLibrary& nl_;
  const nlattr* first_;
  int length_;
};

Link link_of(const NlLibrary& nl, const nlmsghdr& message) {
  const auto* const header = static_cast<const ifinfomsg*>(nl.msg_data(&message));
  const Attributes attributes(nl, message, sizeof *header);
  const auto info = attributes.nested(IFLA_LINKINFO);
  return {.index = header->ifi_index,
          .name = attributes.text(IFLA_IFNAME),
          .alias = attributes.text(IFLA_IFALIAS),
          .kind = info ? info->text(IFLA_INFO_KIND) : "",
          .master = attributes.number<int>(IFLA_MASTER),
          .up = (header->ifi_flags & IFF_UP) != 0};
}

std::optional<IpPrefix> address_of(const NlLibrary& nl, const nlmsghdr& message, int index) {
  const auto* const header = static_cast<const ifaddrmsg*>(nl.msg_data(&message));
  if (static_cast<int>(header->ifa_index) != index) {
    return std::nullopt;
  }
  const Attributes attributes(nl, message, sizeof *header);
  // For a point-to-point address IFA_ADDRESS is the other side's.
  const int type = attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS;
  if (header->ifa_family == AF_INET) {
    const auto order = attributes.number<std::uint32_t>(type);
    return IpPrefix{IpAddress::v4(ntohl(order)), header->ifa_prefixlen};
  }
  if (header->ifa_family == AF_INET6) {
    const auto bytes = attributes.number<std::array<std::uint8_t, 16>>(type);
    return IpPrefix{IpAddress::v6(bytes), header->ifa_prefixlen};
  }
  return std::nullopt;
}

std::optional<Neighbour> neighbour_of(const NlLibrary& nl, const nlmsghdr& message, int index) {
  constexpr unsigned kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  const auto* const header = static_cast<const ndmsg*>(nl.msg_data(&message));
  if (header->ndm_ifindex != index || (header->ndm_state & kKnown) == 0) {
    return std::nullopt;
  }
  const Attributes attributes(nl, message, sizeof *header);
  if (!attributes.has(NDA_DST) || !attributes.has(NDA_LLADDR)) {
    return std::nullopt;
  }
  Neighbour neighbour;
  neighbour.mac = {attributes.number<std::array<std::uint8_t, 6>>(NDA_LLADDR)};
  neighbour.is_permanent = (header->ndm_state & NUD_PERMANENT) != 0;
  if (header->ndm_family == AF_INET) {
    neighbour.address = IpAddress::of(attributes.number<std::array<std::uint8_t, 4>>(NDA_DST));
    return neighbour;
  }
  if (header->ndm_family == AF_INET6) {
    neighbour.address = IpAddress::of(attributes.number<std::array<std::uint8_t, 16>>(NDA_DST));
    return neighbour;
  }
  return std::nullopt;
}

Result<int> index_of(const std::string& name) {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  NetlinkSocket socket = MOSB_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  NetlinkMessage message = MOSB_TRY(link_message(RTM_GETLINK, 0));
  message.put(IFLA_IFNAME, name);
  int index = 0;
  MOSB_CHECK(socket.ask(message, "look at device " + quote(name), [&](const nlmsghdr& answer) {
    index = link_of(nl, answer).index;
  }));
  return index;
}

struct FinishedDevice {
  std::string name;
  std::string alias;
  /// Index of a bridge, or 0.
  int master = 0;
};

/// Name, alias and place in one message, which the kernel takes in one go.
Status finish_device(int index, const FinishedDevice& device) {
  NetlinkMessage message = MOSB_TRY(link_message(RTM_SETLINK, index));
  message.put(IFLA_IFNAME, device.name).put(IFLA_IFALIAS, device.alias);
  if (device.master != 0) {
    message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(device.master));
  }
  return tell(message, "name device " + quote(device.name));
}

/// Makes the device that `creation` describes under its pending name, and finishes or removes it.
Status make_device(const NetlinkMessage& creation,
                   const std::string& pending,
                   const FinishedDevice& device,
                   Netlink& netlink) {
  MOSB_CHECK(tell(creation, "make device " + quote(device.name)));
  const int index = MOSB_TRY(index_of(pending));
  const Status finished = finish_device(index, device);
  if (!finished) {
    // By its index: the message may have been obeyed in part.
    (void)netlink.remove(index);
  }
  return finished;
}

}  // namespace

Result<std::vector<Link>> LibNetlink::links() {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  const NetlinkMessage message = MOSB_TRY(link_message(RTM_GETLINK, 0, NLM_F_DUMP));
  std::vector<Link> links;
  MOSB_CHECK(dump(
      message,
      "list network devices",
      [&] { links.clear(); },
      [&](const nlmsghdr& answer) { links.push_back(link_of(nl, answer)); }));
  return links;
}

Result<std::vector<IpPrefix>> LibNetlink::addresses(int index) {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_GETADDR, NLM_F_DUMP));
  message.append(ifaddrmsg{});
  std::vector<IpPrefix> addresses;
  MOSB_CHECK(dump(
      message,
      "list addresses",
      [&] { addresses.clear(); },
      [&](const nlmsghdr& answer) {
        if (const auto address = address_of(nl, answer, index)) {
          addresses.push_back(*address);
        }
      }));
  return addresses;
}

Result<std::vector<Neighbour>> LibNetlink::neighbours(int index) {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_GETNEIGH, NLM_F_DUMP));
  message.append(ndmsg{});
  std::vector<Neighbour> neighbours;
  MOSB_CHECK(dump(
      message,
      "list neighbours",
      [&] { neighbours.clear(); },
      [&](const nlmsghdr& answer) {
        if (const auto neighbour = neighbour_of(nl, answer, index)) {
          neighbours.push_back(*neighbour);
        }
      }));
  return neighbours;
}

Status LibNetlink::forget_neighbour(int index, const IpAddress& address) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_DELNEIGH, 0));
  ndmsg header{};
  header.ndm_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ndm_ifindex = index;
  message.append(header).put(NDA_DST, std::as_bytes(address.bytes()));
  const Status forgotten = tell(message, "forget who had address " + address.str());
  if (!forgotten && forgotten.error().sys_errno() == ENOENT) {
    return ok();
  }
  return forgotten;
}

Status LibNetlink::make_bridge(const std::string& name, const std::string& alias) {
  const std::string pending = pending_name(instance_of(alias), alias);
  NetlinkMessage message = MOSB_TRY(link_message(RTM_NEWLINK, 0, NLM_F_CREATE | NLM_F_EXCL));
  // With an address of its own: otherwise it has that of one of its ports, and changes it as they
  // come and go.
  message.put(IFLA_IFNAME, pending)
      .put(IFLA_ADDRESS, bytes_of(MacAddress::derived_from(alias)))
      .nest(IFLA_LINKINFO, [](NetlinkMessage& info) {
        info.put(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [](NetlinkMessage& data) {
          data.put_u32(IFLA_BR_STP_STATE, 0).put_u32(IFLA_BR_FORWARD_DELAY, 0);
        });
      });
  return make_device(message, pending, {.name = name, .alias = alias}, *this);
}

Status LibNetlink::make_veth(const VethPair& pair) {
  const std::string pending = pending_name(instance_of(pair.alias), pair.alias);
  NetlinkMessage message = MOSB_TRY(link_message(RTM_NEWLINK, 0, NLM_F_CREATE | NLM_F_EXCL));
  message.put(IFLA_IFNAME, pending).nest(IFLA_LINKINFO, [&](NetlinkMessage& info) {
    info.put(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, [&](NetlinkMessage& data) {
      data.nest(VETH_INFO_PEER, [&](NetlinkMessage& peer) {
        peer.append(ifinfomsg{})
            .put(IFLA_IFNAME, pair.peer_name)
            .put(IFLA_ADDRESS, bytes_of(pair.peer_mac))
            .put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.peer_netns));
      });
    });
  });
  return make_device(
      message, pending, {.name = pair.name, .alias = pair.alias, .master = pair.master}, *this);
}

Status LibNetlink::set_bridge_port(int index, bool hairpin, bool isolated) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_SETLINK, 0));
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = index;
  message.append(header).nest(IFLA_PROTINFO, [&](NetlinkMessage& port) {
    port.put_u8(IFLA_BRPORT_MODE, hairpin ? 1 : 0).put_u8(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0);
  });
  return tell(message, "set up a bridge port");
}

Status LibNetlink::set_master(int index, int master) {
  NetlinkMessage message = MOSB_TRY(link_message(RTM_SETLINK, index));
  message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(master));
  return tell(message, "attach a device to its bridge");
}

Status LibNetlink::add_address(int index, const IpPrefix& address) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL));
  const bool is_v4 = address.address.is_v4();
  ifaddrmsg header{};
  header.ifa_family = is_v4 ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_flags = is_v4 ? 0 : IFA_F_NODAD;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<std::uint32_t>(index);
  const std::span<const std::byte> bytes = std::as_bytes(address.address.bytes());
  message.append(header).put(IFA_LOCAL, bytes).put(IFA_ADDRESS, bytes);
  if (is_v4 && address.length < 31) {
    message.put(IFA_BROADCAST, std::as_bytes(address.last().bytes()));
  }
  return tell(message, "add address " + address.str());
}

Status LibNetlink::add_default_route(int index, const IpAddress& gateway) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL));
  rtmsg header{};
  header.rtm_family = gateway.is_v4() ? AF_INET : AF_INET6;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  message.append(header)
      .put(RTA_GATEWAY, std::as_bytes(gateway.bytes()))
      .put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  return tell(message, "add the default route through " + gateway.str());
}

Status LibNetlink::set_up(int index) {
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(RTM_NEWLINK, 0));
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.append(header);
  return tell(message, "raise a device");
}

Status LibNetlink::remove(int index) {
  const NetlinkMessage message = MOSB_TRY(link_message(RTM_DELLINK, index));
  const Status removed = tell(message, "remove a device");
  if (!removed && removed.error().sys_errno() == ENODEV) {
    return ok();
  }
  return removed;
}

Status LibNetlink::in_namespace(int netns, const std::function<Status(Netlink&)>& work) {
  // A thread of its own: one that had come back would first have to get back, and can fail there.
  const auto inside = [&]() -> Status {
    if (::setns(netns, CLONE_NEWNET) < 0) {
      return Error::sys("enter a network namespace", errno).as(Errc::kNetSetup);
    }
    LibNetlink netlink;
    return work(netlink);
  };
  return std::async(std::launch::async, inside).get();
}

}  // namespace mosb::net
