#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/session.h"
#include "mosb/trust/keyset.h"

namespace mosb::cli {

namespace {

struct KeysetFlags {
  std::string dir;
  std::string name;
  std::string algorithm = "ec-256";
};

Json to_json(const trust::Keyset& keyset) {
  return {{"dir", keyset.dir},
          {"root_key", keyset.root_key},
          {"root_certificate", keyset.root_certificate},
          {"signing_key", keyset.signing_key},
          {"signing_certificate", keyset.signing_certificate},
          {"signing_chain", keyset.signing_chain},
          {"notation_config", keyset.notation_dir},
          {"trusted_identity", keyset.trusted_identity},
          {"root_not_after", to_rfc3339(keyset.root_not_after)},
          {"signing_not_after", to_rfc3339(keyset.signing_not_after)}};
}

void show(const Session& session, const trust::Keyset& keyset) {
  print_line(session, "Made keyset " + keyset.dir + ".");
  print_line(session, "");
  print_line(
      session,
      "  Sign:    mosb sign REF --key " + keyset.signing_key + " --cert " + keyset.signing_chain);
  print_line(session, "  Verify:  mosb verify REF --notation-config " + keyset.notation_dir);
  print_line(session, "  Always:  trust.notation_config in mosb.yaml");
  print_line(session, "");
  print_line(session,
             "Keep " + keyset.root_key + " offline; " + keyset.dir +
                 "/README.md says what each file is for.");
  print_line(
      session,
      "The signing certificate is valid until " + to_rfc3339(keyset.signing_not_after) + ".");
}

Result<int> create(Session& session, const KeysetFlags& flags) {
  const auto algorithm = trust::parse_key_kind_name(flags.algorithm);
  if (!algorithm) {
    return Error(Errc::kUsage, "there is no key algorithm " + quote(flags.algorithm))
        .with_hint("there are rsa-2048, rsa-3072, rsa-4096, ec-256, ec-384 and ec-521");
  }
  const trust::Keyset keyset =
      MOSB_TRY(trust::create_keyset(flags.dir, {flags.name, *algorithm}, session.clock()));
  if (session.format() == Output::kJson) {
    print_json(to_json(keyset));
  } else {
    show(session, keyset);
  }
  return 0;
}

}  // namespace

void add_keyset_commands(Command& app) {
  Command keyset = app.subcommand("keyset", "Keys and certificates to sign with")
                       .example("mosb keyset create keys --name \"Example release\"");
  const auto flags = std::make_shared<KeysetFlags>();
  Command command =
      keyset
          .subcommand("create",
                      "Make a root, a signing certificate and a configuration that trusts them")
          .example("mosb keyset create keys --name \"Example release\"");
  command.option("DIR", flags->dir, "A directory that does not exist yet").required();
  command.option("--name", flags->name, "Common name of the signing certificate").required();
  command.option("--algorithm", flags->algorithm, "Kind of the keys")
      .one_of({"rsa-2048", "rsa-3072", "rsa-4096", "ec-256", "ec-384", "ec-521"})
      .shows_default("ec-256");
  command.runs([flags](Session& s) { return create(s, *flags); });
}

}  // namespace mosb::cli
