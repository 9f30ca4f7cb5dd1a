#include "mosb/net/legacy_firewall.h"

#include <algorithm>
#include <chrono>

#include "mosb/base/file.h"
#include "mosb/base/program.h"
#include "mosb/base/text.h"
#include "mosb/net/legacy_rules.h"

namespace mosb::net {

namespace {

constexpr ByteCount kMaxNames{64 * kKiB};
constexpr ByteCount kMaxListing{64 * kMiB};
constexpr std::chrono::milliseconds kPatience{10'000};

/// Whether the kernel has a table filter of this family in this network namespace: a list of names,
/// or no file at all.
bool has_filter(const char* names) {
  const auto text = read_kernel_file(std::string("/proc/thread-self/net/") + names, kMaxNames);
  if (!text) {
    return false;
  }
  const std::vector<std::string> tables = split(*text, '\n');
  return std::ranges::find(tables, "filter") != tables.end();
}

Result<LegacyTable> list_filter(const std::string& program, ProcessRunner& programs) {
  const auto failed = [&](const std::string& why) {
    return Error(Errc::kNetSetup, "look at the rules of " + program + ": " + why)
        .with_hint("find out why: " + program + " -t filter -S");
  };
  Command command{.argv = {program, "-w", "5", "-t", "filter", "-S"},
                  .env = program_environment(),
                  .timeout = kPatience,
                  .output_limit = kMaxListing};
  const auto done = programs.run(command);
  if (!done) {
    return failed(done.error().message());
  }
  if (done->status != 0) {
    return failed(quote(last_line(done->err)));
  }
  auto table = parse_legacy_rules(done->out);
  return table ? std::move(table) : failed(table.error().message());
}

}  // namespace

Result<LegacyFirewall> look_at_legacy(const std::string& bridge, ProcessRunner& programs) {
  LegacyFirewall out;
  for (const auto& [names, name] : {std::pair{"ip_tables_names", "iptables-legacy"},
                                    std::pair{"ip6_tables_names", "ip6tables-legacy"}}) {
    if (!has_filter(names)) {
      continue;
    }
    const auto program = find_program(name);
    if (!program) {
      out.unknown.emplace_back(name);
    } else if (drops_forwarded(MOSB_TRY(list_filter(*program, programs)), bridge)) {
      out.dropping.emplace_back(name);
    }
  }
  return out;
}

}  // namespace mosb::net
