#include "mosb/base/ip_address.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Error no_address(std::string_view text) {
  return Error(Errc::kManifest, quote(text) + " is no IP address");
}

/// The address with every bit behind the first `length` taken from `fill`, 0 or 0xff.
IpAddress filled(const IpAddress& address, unsigned length, std::uint8_t fill) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  for (unsigned i = 0; i < address.bits() / 8; ++i) {
    const unsigned kept = length > i * 8 ? std::min(8U, length - i * 8) : 0;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    bytes[i] = static_cast<std::uint8_t>((bytes[i] & mask) | (fill & ~mask));
  }
  return IpAddress::of(std::span(bytes).first(address.bytes().size()));
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  // Also keeps a NUL from ending the text early: no address has one.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return no_address(text);
  }
  const std::string terminated(text);
  in_addr four{};
  if (::inet_pton(AF_INET, terminated.c_str(), &four) == 1) {
    return v4(ntohl(four.s_addr));
  }
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1) {
    return no_address(text);
  }
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return Error(Errc::kManifest, quote(text) + " is an IPv4 address in IPv6 form")
        .with_hint("write it as IPv4");
  }
  return v6(bytes);
}

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  const std::uint32_t order = htonl(host_order);
  std::memcpy(address.bytes_.data(), &order, sizeof order);
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  return of(bytes);
}

IpAddress IpAddress::unmapped(const std::array<std::uint8_t, 16>& bytes) {
  const bool is_mapped = std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
  return is_mapped ? of(std::span(bytes).last(4)) : v6(bytes);
}

IpAddress IpAddress::of(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  address.size_ = bytes.size() == 4 ? 4 : 16;
  std::copy_n(
      bytes.begin(), std::min(bytes.size(), std::size_t{address.size_}), address.bytes_.begin());
  return address;
}

bool IpAddress::is_loopback() const {
  return is_v4() ? bytes_[0] == 127 : *this == v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string IpAddress::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error(Errc::kManifest, quote(text) + " is no network: its length is missing")
        .with_hint("write ADDRESS/LENGTH");
  }
  const IpAddress address = MOSB_TRY(IpAddress::parse(text.substr(0, slash)));
  const auto length = parse_uint(text.substr(slash + 1), 0, address.bits());
  if (!length) {
    return Error(Errc::kManifest,
                 quote(text) + " is no network: the length is a number up to " +
                     std::to_string(address.bits()));
  }
  return IpPrefix{address, static_cast<unsigned>(*length)};
}

IpAddress IpPrefix::first() const {
  return filled(address, length, 0);
}

IpAddress IpPrefix::last() const {
  return filled(address, length, 0xff);
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.is_v4() == address.is_v4() && filled(other, length, 0) == first();
}

std::string IpPrefix::str() const {
  return address.str() + "/" + std::to_string(length);
}

}  // namespace mosb
