#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <utility>

#include "mosb/base/digest.h"

namespace mosb::trust {

/// Pairs of certificates of which the second one's key was seen to have signed the first. Whether
/// it has is a matter of their bytes alone, so it stays true; what makes a link count (time, uses,
/// algorithms) is judged each time. A store's images are often signed by one chain, and a
/// verification of ECDSA P-384 takes milliseconds. May be used by several threads.
class ProvenLinks {
 public:
  bool contains(const Digest& certificate, const Digest& issuer) const;
  /// Beyond kMost nothing more is noted.
  void add(const Digest& certificate, const Digest& issuer);

  static constexpr std::size_t kMost = 1024;

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<Sha256, Sha256>> links_;
};

}  // namespace mosb::trust
