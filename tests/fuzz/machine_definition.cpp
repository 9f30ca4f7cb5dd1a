#include "fuzz.h"
#include "mosb/agent/machine_compose.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/qemu_argv.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

namespace {

/// Whatever a definition says, no argument has a byte that it did not have to have.
void check_arguments(const manifest::Machine& machine) {
  const agent::MachinePaths paths(agent::Paths(""), machine.name);
  agent::MachineContext context{paths, "/home/me", kvm::Accel::kTcg};
  context.exists = [](const std::string&) { return true; };
  const auto spec = compose_machine(machine, context);
  if (!spec) {
    fuzz::require(!spec.error().message().empty());
    return;
  }
  for (const std::string& argument : kvm::qemu_argv(*spec, paths.runtime())) {
    for (const char c : argument) {
      fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const manifest::CheckedMachine checked = manifest::check_machine(fuzz::text(data, size));
  fuzz::require(checked.machine.has_value() == checked.problems.empty());
  for (const auto* const found : {&checked.problems, &checked.warnings}) {
    for (const manifest::Problem& problem : *found) {
      fuzz::require(problem.line > 0 && problem.column > 0 && !problem.message.empty());
      fuzz::require(to_string(problem).find_first_of("\n\x1b") == std::string::npos);
    }
  }
  if (checked.machine) {
    check_arguments(*checked.machine);
  }
  return 0;
}
