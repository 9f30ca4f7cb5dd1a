#include "mosb/base/log.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/key_value.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/verification_view.h"
#include "mosb/trust/inspect.h"
#include "mosb/trust/verify.h"

namespace mosb::cli {

namespace {

struct VerifyFlags {
  std::string ref;
  std::string scope;
  std::string notation_config;
  std::vector<std::string> metadata;
  unsigned max_signatures = 100;
  bool insecure = false;
};

void show_verified(const Session& session,
                   const oci::Reference& ref,
                   const trust::VerificationReport& report) {
  const std::string name = quote(ref.str());
  if (report.outcome == trust::Outcome::kSkipped) {
    print_line(session,
               "Not verified: trust policy statement " + quote(report.policy) +
                   " skips the verification of " + name + ".");
    return;
  }
  print_line(session,
             "Verified " + name + ": signed by " + quote(report.signatures.back().subject) +
                 ", accepted by trust policy " + "statement " + quote(report.policy) + " (" +
                 report.level + ").");
  for (const auto& [key, value] : report.metadata) {
    print_line(session, "  " + key + "=" + value);
  }
}

Result<int> show(const Session& session,
                 const oci::Reference& ref,
                 const Digest& digest,
                 const trust::Verification& verification) {
  if (session.format() == Output::kJson) {
    print_json(to_json(ref.str(), digest, verification));
    // The refusal stands in the report: standard output holds one document.
    return verification.refusal ? static_cast<int>(verification.refusal->code()) : 0;
  }
  for (const std::string& warning : verification.report.warnings) {
    log::warn(warning);
  }
  if (verification.refusal) {
    if (verification.report.signatures.size() > 1) {
      for (const trust::SignatureReport& signature : verification.report.signatures) {
        log::warn("signature " + signature.digest.str() + ": " + signature.error);
      }
    }
    return *verification.refusal;
  }
  show_verified(session, ref.pinned(digest), verification.report);
  return 0;
}

Result<int> verify(Session& session, const VerifyFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const auto metadata = MOSB_TRY(parse_key_values("--metadata", flags.metadata));
  const std::string scope = MOSB_TRY(session.scope(ref, flags.scope));
  const trust::NotationConfig config = MOSB_TRY(
      trust::NotationConfig::open(MOSB_TRY(session.notation_config(flags.notation_config))));
  const std::unique_ptr<oci::Repository> repository =
      MOSB_TRY(session.open(ref, flags.insecure, config.dir()));
  const oci::Descriptor subject = MOSB_TRY(repository->resolve(ref));
  const trust::VerifyRequest request{
      subject, scope, metadata, flags.max_signatures, &session.revocation()};
  const trust::Verification verification =
      MOSB_TRY(trust::verify(*repository, request, config, session.clock()));
  return show(session, ref, subject.digest, verification);
}

std::string time_text(const std::optional<SystemTime>& time) {
  return time ? to_rfc3339(*time) : "";
}

Result<int> list(Session& session, const VerifyFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const std::unique_ptr<oci::Repository> repository =
      MOSB_TRY(session.open(ref, flags.insecure, session.notation_config_if_any()));
  const oci::Descriptor subject = MOSB_TRY(repository->resolve(ref));
  const std::vector<trust::SignatureReport> signatures =
      MOSB_TRY(trust::list_signatures(*repository, subject, flags.max_signatures)
                   .context("list the signatures of " + quote(flags.ref)));
  if (session.format() == Output::kJson) {
    Json out = Json::array();
    for (const trust::SignatureReport& signature : signatures) {
      out.push_back(to_json(signature));
    }
    print_json(out);
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const trust::SignatureReport& signature : signatures) {
    rows.push_back({signature.digest.str(),
                    signature.media_type,
                    signature.algorithm,
                    signature.error.empty() ? signature.subject : signature.error,
                    time_text(signature.signing_time),
                    time_text(signature.expiry)});
  }
  const std::string table =
      render_table({"DIGEST", "FORMAT", "ALGORITHM", "SUBJECT", "SIGNED", "EXPIRES"}, rows);
  (void)std::fwrite(table.data(), 1, table.size(), stdout);
  log::info("nothing of this is verified; `mosb verify` does that");
  return 0;
}

void add_common(Command& command, VerifyFlags& flags) {
  command.option("REF", flags.ref, "The image").required();
  command.option("--max-signatures", flags.max_signatures, "Signatures looked at, at most")
      .within(1, 1000)
      .shows_default("100");
  command.flag("--insecure-registry", flags.insecure, "Plain HTTP");
}

}  // namespace

void add_verify_commands(Command& app) {
  const auto flags = std::make_shared<VerifyFlags>();
  Command verify_command = app.subcommand("verify", "Verify an image's signatures as notation does")
                               .example("mosb verify registry.example/app:1.0");
  add_common(verify_command, *flags);
  verify_command.option("--metadata", flags->metadata, "KEY=VALUE that must have been signed");
  verify_command.option("--scope", flags->scope, "Trust scope of a layout, archive or digest");
  verify_command.option(
      "--notation-config", flags->notation_config, "The notation configuration directory");
  verify_command.runs([flags](Session& s) { return verify(s, *flags); });
  const auto list_flags = std::make_shared<VerifyFlags>();
  Command list_command =
      app.subcommand("signatures", "List an image's signatures without verifying them")
          .example("mosb signatures registry.example/app:1.0");
  add_common(list_command, *list_flags);
  list_command.runs([list_flags](Session& s) { return list(s, *list_flags); });
}

}  // namespace mosb::cli
