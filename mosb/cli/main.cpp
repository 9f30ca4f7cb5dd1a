#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>

#include "mosb/agent/install_dirs.h"
#include "mosb/base/log.h"
#include "mosb/base/openssl_setup.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/error_view.h"
#include "mosb/cli/session.h"

namespace {

using mosb::Result;
using mosb::cli::Command;
using mosb::cli::report;
using mosb::cli::Session;

void add_global_flags(Command& app, Session& session) {
  app.option("--root", session.root, "Instance root; every path of mosb lies below it")
      .shows_default("/");
  app.option("--config", session.config_file, "Configuration instead of /etc/mosb/mosb.yaml");
  app.option("-o,--output", session.output, "Output format (default text)")
      .one_of({"text", "json"});
  app.option("--progress", session.progress, "Progress of long work (default auto)")
      .one_of({"auto", "plain", "none"});
  app.flag("-v", session.verbose, "Say more on standard error");
  app.flag("-q", session.quiet, "No messages and no warnings; errors, tables and JSON still come");
  app.flag("--no-color", session.no_color, "Accepted; nothing is coloured");
}

Result<int> show_version(Session& session) {
  if (session.format() == mosb::cli::Output::kJson) {
    mosb::cli::print_json({{"version", mosb::agent::kVersion}});
  } else {
    (void)std::printf("mosb %s\n", mosb::agent::kVersion);
  }
  return 0;
}

/// Commands stand in the help in this order.
void add_commands(Command& app) {
  mosb::cli::add_keyset_commands(app);
  mosb::cli::add_image_commands(app);
  mosb::cli::add_sign_commands(app);
  mosb::cli::add_verify_commands(app);
  mosb::cli::add_trust_commands(app);
  mosb::cli::add_mount_commands(app);
  mosb::cli::add_apply_commands(app);
  mosb::cli::add_service_commands(app);
  mosb::cli::add_manifest_commands(app);
  mosb::cli::add_machine_commands(app);
  mosb::cli::add_doctor_commands(app);
  Command version =
      app.subcommand("version", "Show mosb's version").example("mosb version -o json");
  version.runs(show_version);
}

int run(Session& session, int argc, char** argv) {
  const auto action = mosb::cli::parse_command_line(argc, argv, [&session](Command& app) {
    add_global_flags(app, session);
    add_commands(app);
  });
  if (!action) {
    return report(session, action.error());
  }
  if (!*action) {
    return 0;
  }
  mosb::log::set_level(session.quiet     ? mosb::log::Level::kQuiet
                       : session.verbose ? mosb::log::Level::kDebug
                                         : mosb::log::Level::kWarn);
  const mosb::Status root = session.resolve_root();
  const Result<int> status = root ? (**action)(session) : root.error();
  if (!status) {
    return report(session, status.error());
  }
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    const int err = errno != 0 ? errno : EIO;
    return report(session,
                  mosb::Error::sys("write standard output", err).as(mosb::Errc::kResource));
  }
  return *status;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away must not kill us between two steps.
  (void)std::signal(SIGPIPE, SIG_IGN);
  mosb::set_up_openssl();
  Session session;
  try {
    return run(session, argc, argv);
  } catch (const std::exception& bug) {
    return report(session, mosb::Error(mosb::Errc::kInternal, bug.what()));
  }
}
