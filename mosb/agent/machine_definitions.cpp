#include "mosb/agent/machine_definitions.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "mosb/agent/machine_log.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/manifest/manifest.h"

namespace mosb::agent {

namespace {

constexpr std::size_t kMaxName = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && is_alphanumeric(name.front()) &&
         is_alphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
         });
}

Error no_such(const std::string& name) {
  return Error(Errc::kNotFound, "there is no machine " + quote(name))
      .with_hint("`mosb machine ls` lists the machines");
}

}  // namespace

Status check_machine_name(const std::string& name) {
  if (!is_name(name)) {
    return Error(Errc::kUsage,
                 quote(name) +
                     " is no name of a machine: letters, digits, '.', '_' and '-', at "
                     "most 63, a letter or digit first and last");
  }
  return ok();
}

Result<std::vector<std::string>> machine_names(const Paths& paths) {
  auto entries = list_dir(MachinePaths::all(paths));
  if (!entries) {
    return entries.error().code() == Errc::kNotFound ? std::vector<std::string>()
                                                     : std::move(entries);
  }
  std::vector<std::string> names;
  for (std::string& name : *entries) {
    if (is_name(name) && path_exists(MachinePaths(paths, name).definition())) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

Result<std::string> read_definition(const Paths& paths, const std::string& name) {
  MOSB_CHECK(check_machine_name(name));
  auto text = read_file(MachinePaths(paths, name).definition(), manifest::kMaxManifestSize);
  if (!text) {
    return text.error().sys_errno() == ENOENT ? no_such(name) : std::move(text).error();
  }
  return text;
}

Result<manifest::Machine> read_defined_machine(const Paths& paths, const std::string& name) {
  const std::string text = MOSB_TRY(read_definition(paths, name));
  manifest::CheckedMachine checked = manifest::check_machine(text);
  if (!checked.machine) {
    return manifest::machine_error(checked.problems, MachinePaths(paths, name).definition())
        .with_hint("`mosb machine edit " + name + "` mends it");
  }
  // The folder's name counts: what the file says was the same when it was kept.
  checked.machine->name = name;
  return *std::move(checked.machine);
}

Status create_definition(const Paths& paths, const std::string& name, const std::string& text) {
  MOSB_CHECK(check_machine_name(name));
  const MachinePaths machine(paths, name);
  if (path_exists(machine.definition())) {
    return Error(Errc::kUsage, "there is a machine " + quote(name) + " already")
        .with_hint("`mosb machine edit " + name + "` changes it");
  }
  MOSB_CHECK(sys::mkdir_all(paths.lib(), 0755));
  MOSB_CHECK(sys::mkdir_all(machine.dir() + "/disks", 0700));
  ScopeExit undo([&] { (void)remove_tree(machine.dir()); });
  MOSB_CHECK(write_file_atomic(machine.definition(), text, 0600));
  undo.dismiss();
  return ok();
}

Status replace_definition(const Paths& paths, const std::string& name, const std::string& text) {
  return write_file_atomic(MachinePaths(paths, name).definition(), text, 0600);
}

Status remove_definition(const Paths& paths, const std::string& name) {
  const MachinePaths machine(paths, name);
  MOSB_CHECK(remove_console_log(machine.runtime().console_log()));
  // The definition last but for its folder: what is removed half way can be removed again, and a
  // new machine of that name finds no old disks.
  const std::string definition = machine.definition();
  for (const std::string& entry : MOSB_TRY(list_dir(machine.dir()))) {
    const std::string path = machine.dir() + "/" + entry;
    if (path != definition) {
      MOSB_CHECK(remove_tree(path));
    }
  }
  MOSB_CHECK(sys::unlink(definition));
  return sys::rmdir(machine.dir());
}

}  // namespace mosb::agent
