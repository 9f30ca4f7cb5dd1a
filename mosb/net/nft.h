#pragma once

#include <string>

#include "mosb/base/result.h"

namespace mosb::net {

/// The seam to libnftables; tests have a fake that records.
class Nft {
 public:
  virtual ~Nft() = default;
  /// Does the commands in one transaction. Errors: kHost if the kernel has no nf_tables (with what
  /// to do), kNetSetup with nft's own words.
  virtual Status run(const std::string& commands) = 0;
  /// What a `list` command prints, in nft's language or as JSON; "" if the object does not exist.
  virtual Result<std::string> list(const std::string& command, bool as_json) = 0;
};

/// Through libnftables, which is loaded when it is first used.
class LibNft : public Nft {
 public:
  Status run(const std::string& commands) override;
  Result<std::string> list(const std::string& command, bool as_json) override;
};

}  // namespace mosb::net
