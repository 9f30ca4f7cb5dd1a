#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>

#include "mosb/agent/install_dirs.h"
#include "mosb/base/log.h"
#include "mosb/base/openssl_setup.h"
#include "mosb/cli/error_view.h"
#include "mosb/cli/session.h"

namespace {

using mosb::cli::report;
using mosb::cli::Session;

void declare(CLI::App& app, Session& session) {
  app.name("mosb");
  app.fallthrough();
  app.set_version_flag("--version", mosb::agent::kVersion);
  app.add_option("--root", session.root, "Instance root; every path of mosb lies below it")
      ->default_str("/");
  app.add_option("--config", session.config_file, "Configuration instead of /etc/mosb/mosb.yaml");
  app.add_option("-o,--output", session.output, "Output format (default text)")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--progress", session.progress, "Progress of long work (default auto)")
      ->check(CLI::IsMember({"auto", "plain", "none"}));
  app.add_flag("-v", session.verbose, "Say more on standard error");
  app.add_flag(
      "-q", session.quiet, "No messages and no warnings; errors, tables and JSON still come");
  app.add_flag("--no-color", session.no_color, "Accepted; nothing is coloured");
  mosb::cli::add_keyset_commands(app, session);
  mosb::cli::add_image_commands(app, session);
  mosb::cli::add_sign_commands(app, session);
  mosb::cli::add_verify_commands(app, session);
  mosb::cli::add_trust_commands(app, session);
  mosb::cli::add_mount_commands(app, session);
  mosb::cli::add_apply_commands(app, session);
  mosb::cli::add_service_commands(app, session);
  mosb::cli::add_manifest_commands(app, session);
  mosb::cli::add_machine_commands(app, session);
  mosb::cli::add_doctor_commands(app, session);
  CLI::App* const version = app.add_subcommand("version", "Show mosb's version");
  version->footer("Example: mosb version -o json");
  version->callback([&session] {
    session.command = [](Session& s) -> mosb::Result<int> {
      if (s.format() == mosb::cli::Output::kJson) {
        mosb::cli::print_json({{"version", mosb::agent::kVersion}});
      } else {
        (void)std::printf("mosb %s\n", mosb::agent::kVersion);
      }
      return 0;
    };
  });
}

int run(Session& session, int argc, char** argv) {
  CLI::App app("mosb: a trusted-boot service host");
  declare(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    return report(session,
                  mosb::Error(mosb::Errc::kUsage, wrong.what())
                      .with_hint("`mosb COMMAND --help` shows the flags and an example"));
  }
  if (!session.command) {
    return report(session,
                  mosb::Error(mosb::Errc::kUsage, "no command was named")
                      .with_hint("`mosb --help` lists the commands"));
  }
  mosb::log::set_level(session.quiet     ? mosb::log::Level::kQuiet
                       : session.verbose ? mosb::log::Level::kDebug
                                         : mosb::log::Level::kWarn);
  const mosb::Status root = session.resolve_root();
  const mosb::Result<int> status = root ? session.command(session) : root.error();
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
