#include "mosb/oci/unreachable_hosts.h"

namespace mosb::oci {

void UnreachableHosts::add(const std::string& authority) {
  const std::lock_guard lock(mutex_);
  hosts_.insert(authority);
}

bool UnreachableHosts::contains(const std::string& authority) const {
  const std::lock_guard lock(mutex_);
  return hosts_.contains(authority);
}

}  // namespace mosb::oci
