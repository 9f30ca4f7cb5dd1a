#include <cstdio>

#include "mosb/agent/doctor.h"
#include "mosb/agent/doctor_machines.h"
#include "mosb/agent/doctor_network.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"

namespace mosb::cli {

namespace {

Result<int> doctor(Session& session) {
  std::vector<agent::Capability> capabilities = agent::examine_host();
  for (agent::Capability& capability :
       agent::examine_network(session.paths(), MOSB_TRY(session.configuration()).bridge)) {
    capabilities.push_back(std::move(capability));
  }
  for (agent::Capability& capability : agent::examine_machines(session.paths())) {
    capabilities.push_back(std::move(capability));
  }
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const agent::Capability& capability : capabilities) {
    const std::string status = agent::capability_status_name(capability.status);
    json.push_back(
        {{"capability", capability.name}, {"status", status}, {"detail", capability.detail}});
    rows.push_back({capability.name, status, capability.detail});
  }
  if (session.format() == Output::kJson) {
    print_json(json);
  } else {
    (void)std::fputs(render_table({"CAPABILITY", "STATUS", "DETAIL"}, rows).c_str(), stdout);
  }
  return 0;
}

}  // namespace

void add_doctor_commands(Command& app) {
  Command command = app.subcommand("doctor", "Show what this host can and cannot enforce")
                        .example("mosb doctor -o json");
  command.runs(doctor);
}

}  // namespace mosb::cli
