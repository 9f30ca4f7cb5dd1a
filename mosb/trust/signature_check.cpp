#include "mosb/trust/signature_check.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/open_envelope.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/timestamp_check.h"

namespace mosb::trust {

namespace {

Error refuse(const std::string& why) {
  return Error(Errc::kSignature, why);
}

TrustStoreType store_type_for(SigningScheme scheme) {
  return scheme == SigningScheme::kX509SigningAuthority ? TrustStoreType::kSigningAuthority
                                                        : TrustStoreType::kCa;
}

std::string store_names(const std::vector<TrustStore>& stores) {
  std::vector<std::string> names;
  for (const TrustStore& store : stores) {
    names.push_back(store.name.str());
  }
  return join(names, ", ");
}

/// Says in the report which store holds which certificate; whether any does.
bool find_anchors(const std::vector<Certificate>& chain,
                  const std::vector<TrustStore>& stores,
                  std::vector<CertificateReport>& report) {
  bool found = false;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto store = std::find_if(
        stores.begin(), stores.end(), [&](const TrustStore& s) { return s.contains(chain[i]); });
    if (store != stores.end()) {
      report[i].trusted_by = store->name.str();
      found = true;
    }
  }
  return found;
}

Status check_identity(const Certificate& leaf, const TrustPolicyStatement& statement) {
  if (statement.identities.anybody) {
    return ok();
  }
  if (statement.identities.subjects.empty()) {
    return Error(
        Errc::kPolicy,
        "trust policy statement " + quote(statement.name) + " has no x509.subject identities");
  }
  const DistinguishedName subject = MOSB_TRY(subject_name(leaf));
  for (const DistinguishedName& identity : statement.identities.subjects) {
    if (identity.is_subset_of(subject)) {
      return ok();
    }
  }
  return Error(Errc::kPolicy,
               "the signer " + quote(leaf.fields().subject) +
                   " is none of the trusted identities of trust policy statement " +
                   quote(statement.name))
      .with_hint(
          "if you trust that signer, add \"x509.subject: \" and its name to the statement's "
          "trustedIdentities");
}

/// The checks of one signature with their results; each step returns whether to go on.
class Check {
 public:
  Check(const SignatureCheckContext& context, CheckedSignature& result)
      : context_(context), result_(result) {}

  void run(const AttachedSignature& signature) {
    if (!check_envelope(signature) || !check_supported() || !check_trust() || !check_target()) {
      return;
    }
    result_.report.outcome = Outcome::kVerified;
  }

 private:
  const VerificationLevel& level() const { return context_.statement.level; }

  bool fail(Error error) {
    result_.report.error = error.message();
    result_.error = std::move(error);
    return false;
  }

  bool judge(CheckResult& slot,
             ValidationAction action,
             const char* name,
             const std::function<Status()>& test) {
    if (action == ValidationAction::kSkip) {
      return true;
    }
    const Status status = test();
    if (status) {
      slot = CheckResult::kPass;
      return true;
    }
    if (action == ValidationAction::kLog) {
      slot = CheckResult::kLogged;
      result_.warnings.push_back(
          std::string("the check of ") + name +
          " failed, and the trust policy only logs that: " + status.error().message());
      return true;
    }
    slot = CheckResult::kFail;
    return fail(status.error());
  }

  Status open(const AttachedSignature& signature) {
    envelope_ = MOSB_TRY(open_envelope(signature));
    describe_envelope(envelope_, result_.report);
    MOSB_CHECK(check_integrity(envelope_));
    payload_ = MOSB_TRY(parse_payload(envelope_.payload));
    return ok();
  }

  bool check_envelope(const AttachedSignature& signature) {
    return judge(result_.report.integrity, ValidationAction::kEnforce, "integrity", [&] {
      return open(signature);
    });
  }

  /// What no trust policy can make acceptable.
  bool check_supported() {
    const SignedAttributes& attributes = envelope_.attributes;
    if (attributes.verification_plugin) {
      return fail(refuse("the signature asks for the verification plugin " +
                         quote(*attributes.verification_plugin) + ", and mosb runs no plugins"));
    }
    if (!attributes.unknown_critical.empty()) {
      return fail(refuse("the signed attribute " + quote(attributes.unknown_critical.front()) +
                         " is critical, and mosb does not know it"));
    }
    return true;
  }

  bool check_trust() {
    SignatureReport& report = result_.report;
    return judge(report.authenticity,
                 level().authenticity,
                 "authenticity",
                 [&] { return authenticity(); }) &&
           judge(report.expiry_check, level().expiry, "expiry", [&] { return expiry(); }) &&
           judge(report.authentic_timestamp,
                 level().authentic_timestamp,
                 "authenticTimestamp",
                 [&] { return timestamp(); }) &&
           judge(report.revocation,
                 revocation_is_settled() ? ValidationAction::kSkip : level().revocation,
                 "revocation",
                 [&] { return revocation(); });
  }

  Status authenticity() {
    const TrustStoreType type = store_type_for(envelope_.attributes.scheme);
    const Result<std::vector<TrustStore>>& stores = context_.anchors.of(type);
    if (!stores) {
      return stores.error();
    }
    if (stores->empty()) {
      return refuse("trust policy statement " + quote(context_.statement.name) +
                    " lists no trust store of type " + trust_store_type_name(type));
    }
    anchored_ = find_anchors(envelope_.chain, *stores, result_.report.chain);
    if (!anchored_) {
      return refuse("no certificate of the signature's chain, which ends in " +
                    quote(envelope_.chain.back().fields().subject) + ", is in trust store " +
                    store_names(*stores))
          .with_hint(
              "if you trust that authority, put its certificate there: mosb trust store add "
              "--type " +
              std::string(trust_store_type_name(type)) + " --store NAME FILE");
    }
    return check_identity(envelope_.chain.front(), context_.statement);
  }

  Status expiry() const {
    const auto& expiry = envelope_.attributes.expiry;
    if (expiry && context_.now >= *expiry) {
      return refuse("the signature expired at " + to_rfc3339(*expiry))
          .with_hint("the publisher must sign it again");
    }
    return ok();
  }

  Status timestamp() {
    if (envelope_.attributes.scheme == SigningScheme::kX509SigningAuthority) {
      return check_validity(envelope_.chain, envelope_.attributes.signing_time);
    }
    if (timestamp_applies(envelope_, context_.statement, context_.now)) {
      return check_timestamp(envelope_, context_.anchors, {context_.revocation, context_.now});
    }
    return check_validity(envelope_.chain, context_.now);
  }

  bool revocation_is_settled() const {
    return context_.revocation != nullptr && context_.revocation->is_settled;
  }

  Status revocation() const {
    RevocationQuestion question{anchored_ ? context_.revocation : nullptr, context_.now};
    if (envelope_.attributes.scheme == SigningScheme::kX509SigningAuthority) {
      question.signing_time = envelope_.attributes.signing_time;
    }
    // A revoked certificate's error has a hint of its own already.
    return check_revocation(envelope_.chain, question)
        .with_hint(
            "override revocation with \"log\" or \"skip\" in the trust policy statement to accept "
            "the risk");
  }

  bool check_target() {
    if (!payload_.names(context_.subject)) {
      return fail(refuse("content descriptor mismatch: the signature is about " +
                         (payload_.digest.empty() ? "nothing" : quote(payload_.digest)) +
                         ", not about " + context_.subject.digest.str())
                      .with_hint("a signature of another image was attached to this one: it needs "
                                 "one of its own"));
    }
    for (const auto& [key, value] : context_.metadata) {
      const auto found = payload_.annotations.find(key);
      if (found == payload_.annotations.end() || found->second != value) {
        return fail(refuse("the signature lacks the user metadata " + quote(key + "=" + value)));
      }
    }
    result_.metadata = payload_.annotations;
    return true;
  }

  const SignatureCheckContext& context_;
  CheckedSignature& result_;
  SignatureEnvelope envelope_;
  Payload payload_;
  /// A trust store vouches for the chain. Nobody is sent to servers that a stranger's certificate
  /// names, also where policy only logs that it is a stranger's.
  bool anchored_ = false;
};

}  // namespace

CheckedSignature check_signature(const AttachedSignature& signature,
                                 const Digest& digest,
                                 const SignatureCheckContext& context) {
  CheckedSignature result{
      SignatureReport{.digest = digest, .media_type = signature.media_type}, std::nullopt, {}, {}};
  Check(context, result).run(signature);
  return result;
}

}  // namespace mosb::trust
