#pragma once

#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"

namespace mosb::agent {

/// A name becomes part of paths. Errors: kUsage.
Status check_machine_name(const std::string& name);

/// The machines that are defined, sorted.
Result<std::vector<std::string>> machine_names(const Paths& paths);

/// Errors: kNotFound if there is no such machine.
Result<std::string> read_definition(const Paths& paths, const std::string& name);
/// The same, read; it was checked when it was written. Errors: also kManifest.
Result<manifest::Machine> read_defined_machine(const Paths& paths, const std::string& name);

/// Makes the machine's folder and keeps the text in it. Errors: kUsage if there is such a machine.
Status create_definition(const Paths& paths, const std::string& name, const std::string& text);
Status replace_definition(const Paths& paths, const std::string& name, const std::string& text);
/// Removes the machine's folder with all that is in it, and the console's log. Gone is success.
Status remove_definition(const Paths& paths, const std::string& name);

}  // namespace mosb::agent
