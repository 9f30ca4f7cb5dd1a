#pragma once

#include <mutex>
#include <set>
#include <string>

namespace mosb::oci {

/// Servers that gave no answer, so that nobody waits for them a second time. May be used by several
/// threads at once.
class UnreachableHosts {
 public:
  /// `authority`: HOST[:PORT].
  void add(const std::string& authority);
  bool contains(const std::string& authority) const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> hosts_;
};

}  // namespace mosb::oci
