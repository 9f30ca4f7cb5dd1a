#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mosb/manifest/machine.h"
#include "mosb/manifest/machine_scalar.h"
#include "mosb/manifest/node.h"
#include "mosb/manifest/object_reader.h"

namespace mosb::manifest {

/// What must be there once in a machine, and where it was seen first.
class Unique {
 public:
  /// Reports `value`, e.g. "bootindex 0", if it was seen before.
  void add(const std::string& value,
           const Mark& mark,
           const std::string& field,
           Findings& findings);

 private:
  std::map<std::string, unsigned> lines_;
};

/// What is wrong or surprising so far, and what was used up.
struct MachineFindings {
  Findings problems;
  Findings warnings;
  Unique values;
  /// With the line of each.
  std::vector<std::pair<MachinePort, unsigned>> host_ports;

  void warn(const ObjectReader& reader, std::string_view name, std::string message);
};

/// The value of a member that is_given(), or nothing if it is not or is malformed (then reported).
template <class T>
std::optional<T> read_given(const ObjectReader& reader,
                            std::string_view name,
                            Result<T> (*parse)(const Node&)) {
  return is_given(reader.find(name)) ? reader.get(name, parse) : std::nullopt;
}
/// The same for one of the words.
std::optional<std::size_t> read_word(const ObjectReader& reader,
                                     std::string_view name,
                                     std::span<const std::string_view> words);
/// A bootindex other than "off".
std::optional<std::uint32_t> read_bootindex(const ObjectReader& reader, MachineFindings& findings);
bool is_off(const Node* node);
/// The PCI slot in `addr`.
std::optional<std::uint8_t> read_slot(const ObjectReader& reader, MachineFindings& findings);

/// Read one item of `disks` and of `nics`. What is wrong is added to the findings, and the result
/// is then of no use.
MachineDisk read_machine_disk(const Node& node, const std::string& path, MachineFindings& findings);
MachineNic read_machine_nic(const Node& node, const std::string& path, MachineFindings& findings);

}  // namespace mosb::manifest
