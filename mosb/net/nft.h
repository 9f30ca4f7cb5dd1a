#pragma once

#include <memory>
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
  /// What a `list` command prints, in nft's language with protocols as numbers or as JSON; "" if
  /// the object does not exist.
  virtual Result<std::string> list(const std::string& command, bool as_json) = 0;
};

/// Through libnftables, which is loaded when it is first used. Speaks to the network namespace in
/// which it is first used.
class LibNft : public Nft {
 public:
  LibNft();
  ~LibNft() override;
  LibNft(const LibNft&) = delete;
  LibNft& operator=(const LibNft&) = delete;
  LibNft(LibNft&&) = delete;
  LibNft& operator=(LibNft&&) = delete;
  Status run(const std::string& commands) override;
  Result<std::string> list(const std::string& command, bool as_json) override;

 private:
  class Context;
  Result<Context*> context();

  std::unique_ptr<Context> context_;
};

}  // namespace mosb::net
