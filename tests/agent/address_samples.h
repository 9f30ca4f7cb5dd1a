#pragma once

#include <string>

#include "mosb/agent/addresses.h"
#include "tests/support/must.h"

/// A bridge, and services that want addresses of it.
namespace mosb::agent::test {

inline net::BridgeSpec bridge(bool with_ipv6 = false) {
  net::BridgeSpec spec{"lxcbr0", must(IpPrefix::parse("10.0.3.1/24")), std::nullopt};
  if (with_ipv6) {
    spec.ipv6 = must(IpPrefix::parse("fd00:3::1/64"));
  }
  return spec;
}

inline AddressWish any(const std::string& service) {
  return {service, std::nullopt, std::nullopt};
}

inline AddressWish fixed(const std::string& service, const std::string& address) {
  return {service,
          manifest::TargetAddress{must(IpAddress::parse(address)), std::nullopt},
          std::nullopt};
}

inline std::string address_of(const Addresses& addresses, const std::string& service) {
  return addresses.leases.at(service).ipv4.str();
}

}  // namespace mosb::agent::test
