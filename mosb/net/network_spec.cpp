#include "mosb/net/network_spec.h"

#include "mosb/base/digest.h"

namespace mosb::net {

const char* protocol_name(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

std::string device_name(const std::string& instance, const std::string& service) {
  return "mv" + Digest::of(instance + "/" + service).hex().substr(0, 8);
}

std::string device_tag(const std::string& instance, const std::string& service) {
  return "mosb:" + instance + ":service:" + service;
}

std::string bridge_tag(const std::string& instance) {
  return "mosb:" + instance + ":bridge";
}

}  // namespace mosb::net
