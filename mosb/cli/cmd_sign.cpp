#include "mosb/base/duration.h"
#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/commands.h"
#include "mosb/cli/key_value.h"
#include "mosb/cli/session.h"
#include "mosb/trust/sign.h"

namespace mosb::cli {

namespace {

struct SignFlags {
  std::string ref;
  std::string key, cert, key_name;
  std::string notation_config;
  /// "": as notation's config.json says.
  std::string format;
  std::string expiry;
  std::vector<std::string> metadata;
  std::string timestamp_url, timestamp_root;
  /// Takes part in verification only; accepted so that scripts can pass the same flags to both.
  std::string scope;
  bool insecure = false;
};

Status check_supported(const SignFlags& flags) {
  if (flags.timestamp_url.empty() != flags.timestamp_root.empty()) {
    return Error(Errc::kUsage,
                 "sign takes --timestamp-url and --timestamp-root-cert together or not at all");
  }
  return ok();
}

Result<trust::SigningKey> load_key(const Session& session, const SignFlags& flags) {
  const bool files = !flags.key.empty() || !flags.cert.empty();
  if (files == !flags.key_name.empty() || flags.key.empty() != flags.cert.empty()) {
    return Error(Errc::kUsage, "sign takes either --key with --cert or --key-name");
  }
  if (files) {
    return trust::load_signing_key(flags.key, flags.cert);
  }
  const trust::NotationConfig config = MOSB_TRY(
      trust::NotationConfig::open(MOSB_TRY(session.notation_config(flags.notation_config))));
  return trust::load_signing_key_by_name(config, flags.key_name);
}

Result<std::optional<std::chrono::seconds>> parse_expiry(const std::string& text) {
  if (text.empty()) {
    return std::optional<std::chrono::seconds>();
  }
  const std::chrono::milliseconds expiry =
      MOSB_TRY(parse_duration(text).context("--expiry").as(Errc::kUsage));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(expiry);
  if (seconds != expiry || seconds.count() < 1) {
    return Error(Errc::kUsage, "--expiry " + quote(text) + " is not a whole number of seconds");
  }
  return std::optional(seconds);
}

Result<std::optional<trust::TimestampAuthority>> timestamp_authority(const SignFlags& flags,
                                                                     const Session& session) {
  if (flags.timestamp_url.empty()) {
    return std::optional<trust::TimestampAuthority>();
  }
  return std::optional(trust::TimestampAuthority{
      flags.timestamp_url,
      MOSB_TRY(trust::load_timestamp_root(flags.timestamp_root).context("--timestamp-root-cert")),
      &session.revocation()});
}

Result<trust::EnvelopeFormat> envelope_format(const SignFlags& flags, const std::string& config) {
  if (!flags.format.empty()) {
    return flags.format == "cose" ? trust::EnvelopeFormat::kCose : trust::EnvelopeFormat::kJws;
  }
  // One that is named must be there; notation's own place may be empty.
  if (config.empty() || (flags.notation_config.empty() && !path_exists(config))) {
    return trust::EnvelopeFormat::kJws;
  }
  const auto notation = MOSB_TRY(trust::NotationConfig::open(config));
  return MOSB_TRY(notation.signature_format()).value_or(trust::EnvelopeFormat::kJws);
}

Result<int> sign(Session& session, const SignFlags& flags) {
  MOSB_CHECK(check_supported(flags));
  const oci::Reference ref = MOSB_TRY(oci::Reference::parse(flags.ref));
  if (ref.kind == oci::Reference::Kind::kArchive ||
      ref.kind == oci::Reference::Kind::kDockerArchive) {
    return Error(Errc::kUsage,
                 "sign image " + quote(flags.ref) + ": an archive takes no signature afterwards")
        .with_hint("sign the layout, then pack it");
  }
  const auto expiry = MOSB_TRY(parse_expiry(flags.expiry));
  const auto metadata = MOSB_TRY(parse_key_values("--metadata", flags.metadata));
  auto authority = MOSB_TRY(timestamp_authority(flags, session));
  trust::SigningKey key = MOSB_TRY(load_key(session, flags));
  const std::string config = session.notation_config_if_any(flags.notation_config);
  const trust::EnvelopeFormat format = MOSB_TRY(envelope_format(flags, config));
  const std::unique_ptr<oci::Repository> repository =
      MOSB_TRY(session.open_itself(ref, flags.insecure, config));
  const oci::Descriptor subject = MOSB_TRY(repository->resolve(ref));
  if (!ref.digest) {
    log::info(quote(flags.ref) + " is signed as " + subject.digest.str() +
              "; the tag may come to mean something else");
  }
  trust::SignRequest request{
      oci::bare(subject), std::move(key), expiry, metadata, std::move(authority)};
  request.format = format;
  const oci::Descriptor signature = MOSB_TRY(
      trust::sign(*repository, request, session.clock()).context("sign image " + quote(flags.ref)));
  if (session.format() == Output::kJson) {
    print_json({{"ref", flags.ref},
                {"digest", subject.digest.str()},
                {"signature", signature.digest.str()}});
  } else {
    print_line(session,
               "Signed " + ref.pinned(subject.digest).str() + " (signature " +
                   signature.digest.str() + ").");
  }
  return 0;
}

}  // namespace

void add_sign_commands(Command& app) {
  const auto flags = std::make_shared<SignFlags>();
  Command command = app.subcommand("sign", "Sign an image as notation does")
                        .example(
                            "mosb sign registry.example/app:1.0 --key keys/signing.key --cert "
                            "keys/signing-chain.pem");
  command.option("REF", flags->ref, "The image").required();
  command.option("--key", flags->key, "Private key in PEM, readable by its owner only");
  command.option("--cert", flags->cert, "Certificate chain in PEM, signing certificate first");
  command.option("--key-name", flags->key_name, "A key of notation's signingkeys.json");
  command.option("--notation-config",
                 flags->notation_config,
                 "The notation configuration directory that --key-name looks in");
  command
      .option("--signature-format,--format",
              flags->format,
              "Format of the envelope (default as in notation's config.json, else jws)")
      .one_of({"jws", "cose"});
  command.option("--expiry", flags->expiry, "How long the signature counts, e.g. 720h");
  command.option("--metadata", flags->metadata, "KEY=VALUE to sign with the image");
  command.option("--timestamp-url",
                 flags->timestamp_url,
                 "RFC 3161 server whose timestamp goes into the signature");
  command.option("--timestamp-root-cert", flags->timestamp_root, "Root certificate of that server");
  command.option("--scope", flags->scope, "Has no effect on signing");
  command.flag("--insecure-registry", flags->insecure, "Plain HTTP");
  command.runs([flags](Session& s) { return sign(s, *flags); });
}

}  // namespace mosb::cli
