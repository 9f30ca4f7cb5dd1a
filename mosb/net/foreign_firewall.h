#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/net/nft.h"

namespace mosb::net {

/// A chain of somebody else's through which forwarded packets go and that drops or rejects what it
/// does not know: no accept of ours can override it.
struct ForeignDrop {
  std::string family;
  std::string table;
  std::string chain;
  /// Whose it is, as far as names tell: "Docker", "ufw", "firewalld", or "".
  std::string owner;
  bool operator==(const ForeignDrop&) const = default;
};

/// Reads every chain at the forward hook but this instance's. One that accepts all that comes from
/// and goes to `bridge` is left out, whoever wrote that rule but another instance.
Result<std::vector<ForeignDrop>> find_foreign_drops(const std::string& instance,
                                                    const std::string& bridge,
                                                    Nft& nft);
/// What lets the bridge's traffic pass there, as nft commands, tagged; and what takes it away
/// again. Pure.
std::string foreign_accept(const ForeignDrop& drop,
                           const std::string& instance,
                           const std::string& bridge);
/// Removes every rule with this instance's tag outside its own tables.
Status remove_foreign_accepts(const std::string& instance, Nft& nft);

}  // namespace mosb::net
