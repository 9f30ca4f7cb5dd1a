#pragma once

#include <string>
#include <vector>

#include "mosb/agent/machine_compose.h"
#include "mosb/agent/machine_published.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "mosb/manifest/machine.h"
#include "tests/support/must.h"

/// The definitions in tests/data/machine.
namespace mosb::agent::test {

inline std::string machine_data() {
  return std::string(MOSB_TEST_DATA) + "/machine/";
}

inline std::string definition_text(const std::string& name) {
  return must(read_file(machine_data() + name + ".yaml", ByteCount{1 * kMiB}));
}

/// Those that are machines.
inline const std::vector<std::string>& good_definitions() {
  static const std::vector<std::string> names{"a-user-fwd",
                                              "cdrom",
                                              "cloud-init",
                                              "d-min",
                                              "disks",
                                              "forward-auto",
                                              "kernel",
                                              "nics",
                                              "own-firmware",
                                              "secure",
                                              "seed-nics",
                                              "spice",
                                              "tpm12",
                                              "vnc"};
  return names;
}

/// With software emulation where the definition leaves it open.
inline kvm::MachineSpec compose_definition(const std::string& name,
                                           const std::string& root,
                                           const std::string& home) {
  const manifest::Machine machine = manifest::check_machine(definition_text(name)).machine.value();
  const MachinePaths paths(Paths(root), machine.name);
  MachineContext context{paths, home, kvm::Accel::kTcg};
  context.exists = [](const std::string&) { return true; };
  context.published =
      must(read_published(machine, machine_data().substr(0, machine_data().size() - 1)));
  return must(compose_machine(machine, context));
}

}  // namespace mosb::agent::test
