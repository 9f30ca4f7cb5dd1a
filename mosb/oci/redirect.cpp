#include "mosb/oci/redirect.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

AddressKind ipv4_kind(std::uint32_t address) {
  const std::uint32_t first = address >> 24U;
  if (first == 127) {
    return AddressKind::kLoopback;
  }
  // 0/8 unspecified, 169.254/16 link-local, 224/4 multicast, 240/4 reserved with broadcast.
  if (first == 0 || address >> 16U == 0xA9FE || first >= 224) {
    return AddressKind::kForbidden;
  }
  return AddressKind::kOrdinary;
}

AddressKind ipv6_kind(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address)) {
    return AddressKind::kLoopback;
  }
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    std::uint32_t inner = 0;
    std::memcpy(&inner, &address.s6_addr[12], sizeof inner);
    return ipv4_kind(ntohl(inner));
  }
  // fd00:ec2::254 is a cloud metadata service outside the link-local range.
  constexpr std::uint8_t kMetadata[16] = {
      0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_LINKLOCAL(&address) ||
      IN6_IS_ADDR_MULTICAST(&address) || IN6_IS_ADDR_V4COMPAT(&address) ||
      std::equal(std::begin(kMetadata), std::end(kMetadata), &address.s6_addr[0])) {
    return AddressKind::kForbidden;
  }
  return AddressKind::kOrdinary;
}

bool ends_with_number(std::string_view host) {
  const std::string_view label = host.substr(host.rfind('.') + 1);
  const std::string_view digits = label.substr(label.starts_with("0x") ? 2 : 0);
  const char* const alphabet = label.starts_with("0x") ? "0123456789abcdef" : "0123456789";
  return digits.find_first_not_of(alphabet) == std::string_view::npos;
}

}  // namespace

AddressKind address_kind(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return ipv4_kind(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &address, sizeof in6);
    return ipv6_kind(in6.sin6_addr);
  }
  return AddressKind::kForbidden;
}

AddressKind host_kind(std::string_view host) {
  if (host.size() > 2 && host.front() == '[') {
    in6_addr address{};
    const std::string text(host.substr(1, host.size() - 2));
    return ::inet_pton(AF_INET6, text.c_str(), &address) == 1 ? ipv6_kind(address)
                                                              : AddressKind::kForbidden;
  }
  if (!host.empty() && host.back() == '.') {
    host.remove_suffix(1);
  }
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1) {
    return ipv4_kind(ntohl(address.s_addr));
  }
  if (host == "localhost" || host.ends_with(".localhost")) {
    return AddressKind::kLoopback;
  }
  // 2852039166, 0xa9fea9fe and 169.254.43518 are addresses to some resolvers.
  return ends_with_number(host) ? AddressKind::kForbidden : AddressKind::kOrdinary;
}

Result<Url> next_hop(const Url& from, std::string_view location, bool from_is_loopback) {
  const Url to = MOSB_TRY(from.resolve(location).context("redirect from " + from.authority()));
  const std::string what = "redirect from " + from.authority() + " to " + quote(to.authority());
  if (to.scheme != from.scheme) {
    return Error(Errc::kNetwork, what + ": from " + from.scheme + " to " + to.scheme);
  }
  const AddressKind kind = host_kind(to.host);
  if (kind == AddressKind::kForbidden || (kind == AddressKind::kLoopback && !from_is_loopback)) {
    return Error(Errc::kNetwork, what + ": an address that a registry may not send to");
  }
  return to;
}

}  // namespace mosb::oci
