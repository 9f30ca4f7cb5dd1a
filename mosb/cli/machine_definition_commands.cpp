#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

#include <fcntl.h>
#include <unistd.h>

#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_lock.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/text.h"
#include "mosb/cli/machine_commands.h"
#include "mosb/cli/machine_file.h"
#include "mosb/manifest/manifest.h"

namespace mosb::cli {

namespace {

struct DefinitionFlags {
  std::string name;
  std::string file;
};

Result<std::string> read_standard_input() {
  std::string text;
  std::array<std::byte, 16384> buffer{};
  for (;;) {
    const std::size_t n = MOSB_TRY(sys::read(STDIN_FILENO, buffer).as(Errc::kUsage));
    if (n == 0) {
      return text;
    }
    text.append(reinterpret_cast<const char*>(buffer.data()), n);
    if (text.size() > manifest::kMaxManifestSize.value) {
      return Error(Errc::kManifest, "standard input is longer than a definition may be");
    }
  }
}

Result<std::string> read_source(const std::string& file) {
  if (file == "-") {
    return read_standard_input();
  }
  return read_named_file(file, manifest::kMaxManifestSize).as(Errc::kManifest);
}

/// What `init NAME` without a file makes: a machine with one empty disk and a way out.
std::string default_definition(const std::string& name) {
  return "name: " + name +
         "\ntype: kvm\nephemeral: false\nconfig:\n"
         "  cpus: 2\n  memory: 2048\n  boot: hdd\n"
         "  nics:\n    - id: nic0\n      device: virtio-net\n      network: user\n"
         "  disks:\n    - file: root.qcow2\n      format: qcow2\n      attach: virtio\n"
         "      type: ssd\n      size: 20GiB\n";
}

/// The name that counts: the command's, else the file's; two that differ are a mistake.
Result<std::string> settle_name(const std::string& asked, const manifest::Machine& machine) {
  if (!asked.empty() && !machine.name.empty() && asked != machine.name) {
    return Error(Errc::kUsage,
                 "the definition is of machine " + quote(machine.name) + ", not of " + quote(asked))
        .with_hint("leave the name out of the command, or change it in the definition");
  }
  const std::string name = asked.empty() ? machine.name : asked;
  if (name.empty()) {
    return Error(Errc::kUsage, "the machine has no name")
        .with_hint("`mosb machine init NAME -f FILE`");
  }
  return name;
}

/// That the definition can become a machine here; whether KVM works is not asked for it.
Status check_composes(Session& session, manifest::Machine machine, const std::string& name) {
  machine.name = name;
  if (machine.accel == manifest::MachineAccel::kAuto) {
    machine.accel = manifest::MachineAccel::kTcg;
  }
  return [&]() -> Status {
    (void)MOSB_TRY(agent::resolve_machine(machine_host(session), machine));
    return ok();
  }();
}

Result<int> init(Session& session, const DefinitionFlags& flags) {
  if (!flags.name.empty()) {
    MOSB_CHECK(agent::check_machine_name(flags.name));
  }
  if (flags.file.empty() && flags.name.empty()) {
    return Error(Errc::kUsage, "neither a name nor a file was given")
        .with_hint("`mosb machine init NAME` or `mosb machine init -f FILE`");
  }
  const std::string text =
      flags.file.empty() ? default_definition(flags.name) : MOSB_TRY(read_source(flags.file));
  const std::string shown = flags.file == "-" ? "standard input" : flags.file;
  const manifest::Machine machine = MOSB_TRY(check_machine_text(session, text, shown));
  const std::string name = MOSB_TRY(settle_name(flags.name, machine));
  MOSB_CHECK(agent::check_machine_name(name));
  MOSB_CHECK(check_composes(session, machine, name).context(shown));
  const FileLock lock = MOSB_TRY(agent::lock_machine(session.paths(), name));
  MOSB_CHECK(agent::create_definition(session.paths(), name, text));
  if (session.format() == Output::kJson) {
    print_json(
        {{"name", name}, {"definition", agent::MachinePaths(session.paths(), name).definition()}});
  } else {
    print_line(session,
               "machine " + name + " is defined; `mosb machine start " + name + "` starts it");
  }
  return 0;
}

/// Runs the operator's editor on a file, with the operator's terminal and environment.
Status run_editor(const std::string& file) {
  const char* editor = std::getenv("VISUAL");  // NOLINT(concurrency-mt-unsafe): before threads
  if (editor == nullptr || *editor == '\0') {
    editor = std::getenv("EDITOR");  // NOLINT(concurrency-mt-unsafe): before threads
  }
  const std::string command = editor == nullptr || *editor == '\0' ? "vi" : editor;
  std::vector<std::string> environment;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    environment.emplace_back(*entry);
  }
  // As git and crontab do: the variable may hold arguments, so a shell reads it.
  const Child child = MOSB_TRY(spawn({.argv = {"/bin/sh", "-c", command + " \"$1\"", "sh", file},
                                      .env = environment,
                                      .fds = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                                      .new_session = false}));
  const auto status = MOSB_TRY(wait_for(child, std::nullopt));
  if (*status != 0) {
    return Error(Errc::kUsage, "the editor " + quote(command) + " failed; nothing was changed");
  }
  return ok();
}

Result<std::string> edited(const std::string& text) {
  const TempDir dir = MOSB_TRY(TempDir::make("/tmp", "mosb-edit-"));
  const std::string file = dir.path() + "/machine.yaml";
  MOSB_CHECK(replace_file(file, text, 0600));
  MOSB_CHECK(run_editor(file));
  return read_named_file(file, manifest::kMaxManifestSize).as(Errc::kManifest);
}

void say_change(Session& session, const std::string& name, const agent::MachineChange& change) {
  if (session.format() == Output::kJson) {
    print_json(
        {{"name", name}, {"running", change.running}, {"needs_restart", change.needs_restart}});
    return;
  }
  print_line(session, "machine " + name + " is changed");
  if (!change.needs_restart.empty()) {
    print_line(session,
               "it runs: " + join(change.needs_restart, ", ") +
                   " will be as edited after `mosb machine restart " + name + "`");
  }
}

Result<int> edit(Session& session, const DefinitionFlags& flags) {
  const std::string before = MOSB_TRY(agent::read_definition(session.paths(), flags.name));
  const std::string text =
      flags.file.empty() ? MOSB_TRY(edited(before)) : MOSB_TRY(read_source(flags.file));
  manifest::Machine machine =
      MOSB_TRY(check_machine_text(session, text, flags.file.empty() ? "machine.yaml" : flags.file));
  machine.name = MOSB_TRY(settle_name(flags.name, machine));
  MOSB_CHECK(check_composes(session, machine, flags.name));
  say_change(session,
             flags.name,
             MOSB_TRY(agent::change_machine(machine_host(session), flags.name, text, machine)));
  return 0;
}

}  // namespace

void add_machine_definition_commands(Command& machine) {
  const auto made = std::make_shared<DefinitionFlags>();
  Command init_command = machine.subcommand("init", "Define a machine; it is not started")
                             .example("mosb machine init vm1 -f machine.yaml");
  init_command.option("NAME", made->name, "The machine's name, if the file does not say it");
  init_command.option(
      "-f,--file", made->file, "machine.yaml, or - for standard input; without: a plain machine");
  init_command.runs([made](Session& s) { return init(s, *made); });
  const auto changed = std::make_shared<DefinitionFlags>();
  Command edit_command =
      machine
          .subcommand(
              "edit",
              "Change a machine's definition in $VISUAL or $EDITOR; says what needs a restart")
          .example("EDITOR=nano mosb machine edit vm1");
  edit_command.option("NAME", changed->name, "The machine").required();
  edit_command.option(
      "-f,--file", changed->file, "Take this definition (- for standard input) instead");
  edit_command.runs([changed](Session& s) { return edit(s, *changed); });
}

}  // namespace mosb::cli
