#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb {

/// An IPv4 or IPv6 address. All IPv4 addresses sort before all IPv6 ones.
class IpAddress {
 public:
  /// Dotted decimal without leading zeros, or RFC 4291 text without a zone. An IPv4 address in
  /// IPv6 form (::ffff:1.2.3.4) is refused: the two would be one address with two names.
  /// Errors: kManifest, quoting the text.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  /// As v6(), but ::ffff:1.2.3.4 is 1.2.3.4: how sockets of both families have it.
  static IpAddress unmapped(const std::array<std::uint8_t, 16>& bytes);
  /// 4 or 16 bytes in network order.
  static IpAddress of(std::span<const std::uint8_t> bytes);

  bool is_v4() const { return size_ == 4; }
  /// 4 or 16, in network order.
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  /// Bits of an address of this family.
  unsigned bits() const { return is_v4() ? 32 : 128; }
  /// 127.0.0.0/8 and ::1.
  bool is_loopback() const;
  /// 0.0.0.0 and ::, which stand for every address or none.
  bool is_unspecified() const;
  /// RFC 5952 for IPv6.
  std::string str() const;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in what is generated
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::uint8_t size_ = 4;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address and how many of its first bits name its network, "10.0.3.99/24".
struct IpPrefix {
  IpAddress address;
  unsigned length = 0;

  /// Errors: kManifest, quoting the text.
  static Result<IpPrefix> parse(std::string_view text);
  /// The address with all bits behind the length cleared, and set.
  IpAddress first() const;
  IpAddress last() const;
  bool contains(const IpAddress& other) const;
  std::string str() const;
  bool operator==(const IpPrefix&) const = default;
};

}  // namespace mosb
