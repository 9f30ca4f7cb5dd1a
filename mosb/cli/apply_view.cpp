#include "mosb/cli/apply_view.h"

#include "mosb/base/log.h"
#include "mosb/cli/scan_view.h"

namespace mosb::cli {

namespace {

Json to_json(const agent::ApplyReport& report) {
  Json steps = Json::array();
  for (const agent::Step& step : report.steps) {
    steps.push_back({{"action", step.action}, {"object", step.object}, {"reason", step.reason}});
  }
  return {{"changed", report.changed()},
          {"steps", steps},
          {"warnings", report.warnings},
          {"scanned", cli::to_json(report.scanned)}};
}

}  // namespace

void show(const Session& session, const agent::ApplyReport& report, const std::string& if_nothing) {
  if (session.format() == Output::kJson) {
    print_json(to_json(report));
    return;
  }
  for (const agent::Step& step : report.steps) {
    print_line(session, to_string(step));
  }
  for (const agent::ScannedLayer& layer : report.scanned) {
    for (const std::string& line : lines_for(layer.digest, layer.scan)) {
      print_line(session, line);
    }
  }
  for (const std::string& warning : report.warnings) {
    log::warn(warning);
  }
  if (!report.changed() && !if_nothing.empty()) {
    print_line(session, if_nothing);
  }
}

}  // namespace mosb::cli
