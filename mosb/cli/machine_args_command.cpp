#include "mosb/cli/machine_args_command.h"

#include <cstdio>
#include <cstdlib>

#include "mosb/agent/machine_compose.h"
#include "mosb/agent/machine_published.h"
#include "mosb/base/file.h"
#include "mosb/cli/machine_file.h"
#include "mosb/cli/session.h"
#include "provider-kvm/qemu_argv.h"

namespace mosb::cli {

namespace {

/// Only shows: which ports and which acceleration a start would really choose depends on what the
/// host does then, so ports are taken to be free and KVM to work where the kernel has it.
Result<int> args(Session& session, const std::string& file) {
  const manifest::Machine machine = MOSB_TRY(read_machine_file(session, file));
  const char* const home = std::getenv("HOME");
  const agent::MachinePaths paths(session.paths(), machine.name);
  agent::MachineContext context{paths, home == nullptr ? "" : home};
  context.auto_accel = path_exists("/dev/kvm") ? kvm::Accel::kKvm : kvm::Accel::kTcg;
  context.exists = path_exists;
  context.published = MOSB_TRY(agent::read_published(machine, context.home));
  const kvm::MachineSpec spec = MOSB_TRY(compose_machine(machine, context).context(file));
  const std::vector<std::string> argv = kvm::qemu_argv(spec, paths.runtime());
  if (session.format() == Output::kJson) {
    print_json(argv);
    return 0;
  }
  for (const std::string& argument : argv) {
    (void)std::printf("%s\n", argument.c_str());
  }
  return 0;
}

}  // namespace

void add_machine_args(Command& machine) {
  const auto file = std::make_shared<std::string>();
  Command command =
      machine
          .subcommand(
              "args",
              "Show the command line of qemu, one argument per line; starts and writes nothing")
          .example("mosb machine args machine.yaml");
  command.option("FILE", *file, "The machine's definition (machine.yaml)").required();
  command.runs([file](Session& s) { return args(s, *file); });
}

}  // namespace mosb::cli
