#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/session.h"
#include "mosb/cli/table.h"
#include "mosb/cli/verification_view.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/trust_store_edit.h"
#include "mosb/trust/verify.h"

namespace mosb::cli {

namespace {

struct TrustCommandFlags {
  std::string ref, scope, notation_config, policy_file;
  std::string type = "ca", store;
  std::vector<std::string> files;
  bool insecure = false;
};

Result<trust::NotationConfig> open_config(const Session& session, const TrustCommandFlags& flags) {
  return trust::NotationConfig::open(MOSB_TRY(session.notation_config(flags.notation_config)));
}

/// What the decision would be if every statement were strict.
std::string describe(const trust::Verification& now, const Result<trust::Verification>& strict) {
  if (now.report.level == "strict") {
    return "The statement is strict already.";
  }
  if (!strict) {
    return "With level strict: cannot be judged: " + strict.error().message();
  }
  if (strict->refusal) {
    return "With level strict: refused: " + strict->refusal->message();
  }
  return "With level strict: verified, too.";
}

Result<int> test(Session& session, const TrustCommandFlags& flags) {
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  const std::string scope = MOSB_TRY(session.scope(ref, flags.scope));
  const trust::NotationConfig config = MOSB_TRY(open_config(session, flags));
  const std::unique_ptr<oci::Repository> repository =
      MOSB_TRY(session.open(ref, flags.insecure, config.dir()));
  const oci::Descriptor subject = MOSB_TRY(repository->resolve(ref));
  const trust::VerifyRequest request{
      .subject = subject, .scope = scope, .metadata = {}, .revocation = &session.revocation()};
  const trust::Verification now =
      MOSB_TRY(trust::verify(*repository, request, config, session.clock()));
  const auto strict =
      trust::verify(*repository, request, config.at_level_strict(), session.clock());
  if (session.format() == Output::kJson) {
    Json out = to_json(ref.str(), subject.digest, now);
    out["scope"] = scope;
    out["strict"] = strict && !strict->refusal ? "verified" : "refused";
    print_json(out);
    return now.refusal ? static_cast<int>(now.refusal->code()) : 0;
  }
  print_line(session, ref.pinned(subject.digest).str() + ", trust scope " + scope);
  for (const std::string& line : split(render_tree(now.report), '\n')) {
    if (!line.empty()) {
      print_line(session, line);
    }
  }
  print_line(session, describe(now, strict));
  if (now.refusal) {
    return *now.refusal;
  }
  return 0;
}

struct PolicyText {
  std::string path, text;
};

/// FILE, or the configuration's policy file.
Result<PolicyText> read_policy(const Session& session, const TrustCommandFlags& flags) {
  const std::string path = flags.policy_file.empty()
                               ? MOSB_TRY(open_config(session, flags)).policy_path()
                               : flags.policy_file;
  std::string text = MOSB_TRY(read_named_file(path, trust::kMaxTrustPolicy));
  return PolicyText{path, std::move(text)};
}

Json to_json(const trust::TrustPolicyStatement& statement) {
  Json stores = Json::array();
  for (const trust::TrustStoreName& store : statement.trust_stores) {
    stores.push_back(store.str());
  }
  return {{"name", statement.name},
          {"registry_scopes", statement.registry_scopes},
          {"level", statement.level.name},
          {"trust_stores", stores}};
}

Result<int> check_policy(Session& session, const TrustCommandFlags& flags) {
  const PolicyText file = MOSB_TRY(read_policy(session, flags));
  const trust::TrustPolicy policy =
      MOSB_TRY(trust::TrustPolicy::parse(file.text).context("trust policy " + quote(file.path)));
  if (session.format() == Output::kJson) {
    Json statements = Json::array();
    for (const trust::TrustPolicyStatement& statement : policy.statements) {
      statements.push_back(to_json(statement));
    }
    print_json({{"file", file.path},
                {"valid", true},
                {"statements", statements},
                {"warnings", policy.warnings}});
    return 0;
  }
  for (const std::string& warning : policy.warnings) {
    log::warn(warning);
  }
  print_line(session,
             "Trust policy " + quote(file.path) +
                 " is valid: " + std::to_string(policy.statements.size()) + " statements.");
  return 0;
}

Result<int> show_policy(Session& session, const TrustCommandFlags& flags) {
  const PolicyText file = MOSB_TRY(read_policy(session, flags));
  (void)MOSB_TRY(trust::TrustPolicy::parse(file.text).context("trust policy " + quote(file.path)));
  print_json(MOSB_TRY(json::parse(file.text, trust::kMaxTrustPolicy)));
  return 0;
}

Result<trust::TrustStoreName> store_name(const TrustCommandFlags& flags) {
  const auto type = trust::parse_trust_store_type(flags.type);
  if (!type) {
    return Error(Errc::kUsage, "there is no trust store type " + quote(flags.type));
  }
  return trust::TrustStoreName{*type, flags.store};
}

Result<int> add_store(Session& session, const TrustCommandFlags& flags) {
  const trust::NotationConfig config = MOSB_TRY(open_config(session, flags));
  const std::vector<std::string> written =
      MOSB_TRY(trust::add_to_trust_store(config.dir(), MOSB_TRY(store_name(flags)), flags.files));
  if (session.format() == Output::kJson) {
    print_json({{"added", written}});
  }
  for (const std::string& path : written) {
    if (session.format() == Output::kText) {
      print_line(session, "Added " + quote(path) + ".");
    }
  }
  return 0;
}

bool is_listed(const trust::TrustStoreFile& file, const TrustCommandFlags& flags) {
  return (flags.type.empty() || flags.type == trust::trust_store_type_name(file.store.type)) &&
         (flags.store.empty() || flags.store == file.store.name);
}

Json to_json(const trust::TrustStoreFile& file) {
  Json certificates = Json::array();
  for (const trust::Certificate& certificate : file.certificates) {
    certificates.push_back({{"subject", certificate.fields().subject},
                            {"not_after", to_rfc3339(certificate.fields().not_after)},
                            {"sha256", certificate.thumbprint().hex()}});
  }
  return {{"type", trust::trust_store_type_name(file.store.type)},
          {"store", file.store.name},
          {"file", file.name},
          {"certificates", certificates},
          {"problem", file.problem}};
}

Result<int> list_stores(Session& session, const TrustCommandFlags& flags) {
  const trust::NotationConfig config = MOSB_TRY(open_config(session, flags));
  Json out = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const trust::TrustStoreFile& file : MOSB_TRY(trust::list_trust_stores(config.dir()))) {
    if (!is_listed(file, flags)) {
      continue;
    }
    out.push_back(to_json(file));
    if (!file.problem.empty()) {
      rows.push_back({file.store.str(), file.name, "unusable: " + file.problem, ""});
    }
    for (const trust::Certificate& certificate : file.certificates) {
      rows.push_back({file.store.str(),
                      file.name,
                      certificate.fields().subject,
                      to_rfc3339(certificate.fields().not_after)});
    }
  }
  if (session.format() == Output::kJson) {
    print_json(out);
    return 0;
  }
  const std::string table = render_table({"STORE", "FILE", "SUBJECT", "EXPIRES"}, rows);
  (void)std::fwrite(table.data(), 1, table.size(), stdout);
  return 0;
}

/// Statements that name a store which is gone refuse everything.
void warn_if_named(const trust::NotationConfig& config, const trust::TrustStoreName& store) {
  if (!config.policy() || path_exists(trust::TrustStore::path(config.dir(), store))) {
    return;
  }
  for (const trust::TrustPolicyStatement& statement : config.policy()->statements) {
    for (const trust::TrustStoreName& named : statement.trust_stores) {
      if (named == store) {
        log::warn("trust policy statement " + quote(statement.name) + " names the trust store '" +
                  store.str() + "', which is gone");
      }
    }
  }
}

Result<int> remove_store(Session& session, const TrustCommandFlags& flags) {
  const trust::NotationConfig config = MOSB_TRY(open_config(session, flags));
  const trust::TrustStoreName store = MOSB_TRY(store_name(flags));
  MOSB_CHECK(trust::remove_from_trust_store(config.dir(), store, flags.files));
  warn_if_named(config, store);
  if (session.format() == Output::kJson) {
    print_json({{"store", store.str()}, {"removed", flags.files}});
  } else {
    print_line(session,
               flags.files.empty()
                   ? "Removed the trust store '" + store.str() + "'."
                   : "Removed " + join(flags.files, ", ") + " from '" + store.str() + "'.");
  }
  return 0;
}

using TrustAction = Result<int> (*)(Session&, const TrustCommandFlags&);

/// What all commands below `mosb trust` have.
std::shared_ptr<TrustCommandFlags> declare(Command& command, TrustAction action) {
  const auto flags = std::make_shared<TrustCommandFlags>();
  command.option(
      "--notation-config", flags->notation_config, "The notation configuration directory");
  command.runs([flags, action](Session& s) { return action(s, *flags); });
  return flags;
}

void add_test(Command& trust_command) {
  Command command = trust_command.subcommand("test", "Show how an image is judged, step by step")
                        .example("mosb trust test registry.example/app:1.0");
  const auto flags = declare(command, test);
  command.option("REF", flags->ref, "The image").required();
  command.option("--scope", flags->scope, "Trust scope of a layout, archive or digest");
  command.flag("--insecure-registry", flags->insecure, "Plain HTTP");
}

void declare_policy_action(Command command, TrustAction action) {
  const auto flags = declare(command, action);
  command.option("FILE", flags->policy_file, "Instead of the configuration's policy");
}

void add_policy(Command& trust_command) {
  Command policy = trust_command.subcommand("policy", "notation's trust policy")
                       .example("mosb trust policy check trustpolicy.json");
  declare_policy_action(policy.subcommand("check", "Check a trust policy")
                            .example("mosb trust policy check trustpolicy.json"),
                        check_policy);
  declare_policy_action(
      policy.subcommand("show", "Print the trust policy").example("mosb trust policy show"),
      show_policy);
}

/// For a command that works on one store.
void add_store_options(Command& command, TrustCommandFlags& flags) {
  command.option("--type", flags.type, "Type of the store")
      .one_of({"ca", "signingAuthority", "tsa"})
      .shows_default("ca");
  command.option("--store", flags.store, "Name of the store").required();
}

/// For a command that shows every store unless told otherwise.
void add_store_filters(Command& command, TrustCommandFlags& flags) {
  flags.type.clear();
  command.option("--type", flags.type, "Type of the store")
      .one_of({"ca", "signingAuthority", "tsa"});
  command.option("--store", flags.store, "Name of the store");
}

void add_store_commands(Command& trust_command) {
  Command store = trust_command.subcommand("store", "notation's trust stores")
                      .example("mosb trust store ls --type ca");
  Command add = store.subcommand("add", "Add certificate files to a store")
                    .example("mosb trust store add --type ca --store example root.crt");
  const auto add_flags = declare(add, add_store);
  add_store_options(add, *add_flags);
  add.option("FILE", add_flags->files, "Certificates, PEM or DER").required();
  Command list =
      store.subcommand("ls", "List trusted certificates").example("mosb trust store ls --type ca");
  add_store_filters(list, *declare(list, list_stores));
  Command remove = store.subcommand("rm", "Remove files of a store, or all of it")
                       .example("mosb trust store rm --type ca --store example root.crt");
  const auto remove_flags = declare(remove, remove_store);
  add_store_options(remove, *remove_flags);
  remove.option("FILE", remove_flags->files, "Names of files; none: the whole store");
}

}  // namespace

void add_trust_commands(Command& app) {
  Command trust_command =
      app.subcommand("trust", "Whom this host trusts, and why it accepts an image")
          .example("mosb trust test registry.example/app:1.0");
  add_test(trust_command);
  add_policy(trust_command);
  add_store_commands(trust_command);
}

}  // namespace mosb::cli
