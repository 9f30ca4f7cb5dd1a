#include "mosb/cli/image_scrub_command.h"

#include <chrono>
#include <cstdio>
#include <memory>

#include "mosb/agent/image_scrub.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/error_view.h"
#include "mosb/cli/progress_bars.h"
#include "mosb/cli/session.h"
#include "mosb/oci/store.h"

namespace mosb::cli {

namespace {

/// One bar for the whole store.
agent::ScrubProgress bar_for(const Session& session) {
  if (!session.shows_bar()) {
    return {};
  }
  return [bars = std::make_shared<ProgressBars>()](ByteCount done, ByteCount total) {
    const std::string text = bars->update("store", done, total, std::chrono::steady_clock::now());
    (void)std::fwrite(text.data(), 1, text.size(), stderr);
  };
}

Json to_json(const agent::ScrubReport& report) {
  Json damaged = Json::array();
  for (const agent::DamagedBlob& blob : report.damaged) {
    damaged.push_back({{"digest", blob.digest.str()},
                       {"path", blob.path},
                       {"reason", blob.reason},
                       {"used_by", blob.used_by},
                       {"removed", blob.removed}});
  }
  return {{"checked", report.checked}, {"bytes", report.bytes.value}, {"damaged", damaged}};
}

Error damage(const agent::ScrubReport& report) {
  return Error(Errc::kContent,
               "of " + std::to_string(report.checked) + " blobs in the image store " +
                   std::to_string(report.damaged.size()) + " are damaged")
      .with_hint(
          "apply the manifest again to fetch what was removed; what is mounted is judged "
          "again at the next start");
}

Result<int> scrub(Session& session) {
  agent::ScrubReport report;
  if (oci::Store::exists(session.paths().store())) {
    report = MOSB_TRY(agent::scrub_store(session.paths(), bar_for(session)));
  }
  for (const std::string& warning : report.warnings) {
    log::warn(warning);
  }
  if (session.format() == Output::kJson) {
    Json json = to_json(report);
    if (!report.damaged.empty()) {
      json["error"] = cli::to_json(damage(report));
    }
    print_json(json);
    return report.damaged.empty() ? 0 : static_cast<int>(Errc::kContent);
  }
  for (const agent::DamagedBlob& blob : report.damaged) {
    print_line(session,
               blob.digest.str() + (blob.removed ? " (removed)" : " (left)") + ": " + blob.reason +
                   (blob.used_by.empty() ? "" : "; used by " + join(blob.used_by, ", ")));
  }
  if (!report.damaged.empty()) {
    return damage(report);
  }
  print_line(session,
             std::to_string(report.checked) + " blobs, " + std::to_string(report.bytes.value) +
                 " bytes: all good");
  return 0;
}

}  // namespace

void add_image_scrub(Command& image) {
  Command command =
      image.subcommand("scrub", "Read every blob of the store and find the damaged ones")
          .example("mosb image scrub -o json");
  command.runs([](Session& s) { return scrub(s); });
}

}  // namespace mosb::cli
