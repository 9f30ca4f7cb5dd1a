#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/net/nft.h"

namespace mosb::net {

/// Remembers what is run, and lists what it was given. A table that is run is listed as it was
/// written from then on, and no more once it is deleted for good.
class FakeNft final : public Nft {
 public:
  Status run(const std::string& commands) override {
    runs.push_back(commands);
    if (fails) {
      return Error(Errc::kNetSetup, "nftables: made to fail");
    }
    for (const char* family : {"inet", "bridge"}) {
      const std::string start = std::string("\ndelete table ") + family + " ";
      const std::size_t found = ("\n" + commands).find(start);
      if (found != std::string::npos) {
        const std::size_t name = found + start.size() - 1;
        const std::string table = commands.substr(name, commands.find('\n', name) - name);
        const std::string command = std::string("list table ") + family + " " + table;
        const bool again = commands.find(table + " {") != std::string::npos;
        listings[command] = again ? commands : "";
      }
    }
    return ok();
  }
  Result<std::string> list(const std::string& command, bool /*as_json*/) override {
    if (no_tables) {
      return Error(Errc::kHost, "this kernel has no nf_tables");
    }
    const auto found = listings.find(command);
    return found == listings.end() ? std::string() : found->second;
  }

  std::vector<std::string> runs;
  std::map<std::string, std::string> listings;
  bool fails = false;
  bool no_tables = false;
};

}  // namespace mosb::net
