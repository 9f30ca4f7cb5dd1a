#include <cerrno>
#include <memory>
#include <span>

#include <unistd.h>

#include "mosb/agent/machine_paths.h"
#include "mosb/agent/machine_status.h"
#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/cli/machine_commands.h"
#include "mosb/cli/machine_console.h"

namespace mosb::cli {

namespace {

constexpr ByteCount kMaxHolder{64};

/// Who is at the console: "process 812".
std::string holder_of(const std::string& lock_file) {
  const auto text = read_file(lock_file, kMaxHolder);
  return text && !text->empty() ? "process " + escape(*text) : "another process";
}

/// One at a time may type; the file says who.
Result<FileLock> take_console(const std::string& name, const std::string& lock_file) {
  auto lock = FileLock::acquire(lock_file);
  if (!lock) {
    return lock.error().code() == Errc::kBusy
               ? Error(Errc::kBusy,
                       "the console of machine " + quote(name) + " is held by " +
                           holder_of(lock_file))
                     .with_hint("`mosb machine logs " + name + " -f` watches beside it")
               : lock.error();
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock->fd(), 0) < 0) {
    return Error::sys("write " + quote(lock_file), errno);
  }
  MOSB_CHECK(sys::pwrite_all(lock->fd(), std::as_bytes(std::span(pid)), 0));
  return lock;
}

Result<int> console(Session& session, const std::string& name) {
  const agent::MachineStatus status =
      MOSB_TRY(agent::machine_status(session.paths(), name, session.clock()));
  if (!status.run) {
    return Error(Errc::kRuntime, "machine " + quote(name) + " does not run")
        .with_hint("`mosb machine start " + name + "` starts it");
  }
  const kvm::RuntimeFiles files = agent::MachinePaths(session.paths(), name).runtime();
  const FileLock lock = MOSB_TRY(take_console(name, files.dir() + "/console.lock"));
  if (::isatty(STDIN_FILENO) == 1 && !session.quiet) {
    (void)std::fprintf(stderr, "console of %s; Ctrl-] detaches\r\n", name.c_str());
  }
  const ConsoleEnd end = MOSB_TRY(join_console(files.console()));
  if (!session.quiet) {
    (void)std::fprintf(
        stderr, "\n%s\n", end == ConsoleEnd::kDetached ? "detached" : "the machine has stopped");
  }
  return 0;
}

}  // namespace

void add_machine_console_command(Command& machine) {
  const auto name = std::make_shared<std::string>();
  Command command =
      machine
          .subcommand("console",
                      "Type at a machine's serial console; one at a time, Ctrl-] detaches")
          .example("mosb machine console vm1\n`mosb machine logs vm1 -f` only watches.");
  command.option("NAME", *name, "The machine").required();
  command.runs([name](Session& s) { return console(s, *name); });
}

}  // namespace mosb::cli
