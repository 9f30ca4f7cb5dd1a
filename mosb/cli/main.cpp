#include <csignal>
#include <cstdio>
#include <exception>

#include "mosb/agent/install_dirs.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/session.h"

namespace {

using mosb::cli::Session;

void declare(CLI::App& app, Session& session) {
  app.name("mosb");
  app.fallthrough();
  app.set_version_flag("--version", mosb::agent::kVersion);
  app.add_option("--root", session.root, "Instance root; every path below lies under it")
      ->default_str("/");
  app.add_option("--config", session.config_file, "Configuration instead of /etc/mosb/mosb.yaml");
  app.add_option("-o,--output", session.output, "Output format")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--progress", session.progress, "Progress of long work")
      ->check(CLI::IsMember({"auto", "plain", "none"}));
  app.add_flag("-v", session.verbose, "Say more on standard error");
  app.add_flag("-q", session.quiet, "Say nothing but errors");
  app.add_flag("--no-color", session.no_color, "No colours");
  mosb::cli::add_keyset_commands(app, session);
  mosb::cli::add_image_commands(app, session);
  mosb::cli::add_sign_commands(app, session);
  mosb::cli::add_verify_commands(app, session);
  mosb::cli::add_trust_commands(app, session);
  mosb::cli::add_mount_commands(app, session);
  mosb::cli::add_apply_commands(app, session);
  mosb::cli::add_service_commands(app, session);
  mosb::cli::add_manifest_commands(app, session);
  mosb::cli::add_doctor_commands(app, session);
  app.add_subcommand("version", "Show mosb's version")->callback([&session] {
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

int report(const Session& session, const mosb::Error& error) {
  const int code = static_cast<int>(error.code());
  if (session.format() == mosb::cli::Output::kJson) {
    mosb::cli::print_json({{"error",
                            {{"class", mosb::errc_name(error.code())},
                             {"code", code},
                             {"message", mosb::escape(error.message())},
                             {"hint", mosb::escape(error.hint())}}}});
    return code;
  }
  (void)std::fprintf(stderr,
                     "mosb: %s: %s\n",
                     mosb::errc_name(error.code()),
                     mosb::escape(error.message()).c_str());
  if (!error.hint().empty()) {
    (void)std::fprintf(stderr, "hint: %s\n", mosb::escape(error.hint()).c_str());
  }
  return code;
}

int run(int argc, char** argv) {
  Session session;
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
  const mosb::Result<int> status = session.command(session);
  const bool flushed = std::fflush(stdout) == 0;
  if (!status) {
    return report(session, status.error());
  }
  return flushed ? *status : static_cast<int>(mosb::Errc::kResource);
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away must not kill us between two steps.
  (void)std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& bug) {
    (void)std::fprintf(stderr, "mosb: internal: %s\n", mosb::escape(bug.what()).c_str());
    return static_cast<int>(mosb::Errc::kInternal);
  }
}
