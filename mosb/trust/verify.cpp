#include "mosb/trust/verify.h"

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/oci/media_types.h"
#include "mosb/trust/signature_check.h"
#include "mosb/trust/signature_manifest.h"

namespace mosb::trust {

namespace {

Status check_request(const VerifyRequest& request) {
  if (request.max_signatures == 0) {
    return Error(Errc::kUsage, "the number of signatures to try must be at least 1");
  }
  return ok();
}

std::string name_of(const VerifyRequest& request) {
  return request.scope + "@" + request.subject.digest.str();
}

/// How far a signature came.
int progress(const SignatureReport& report) {
  const std::array checks{report.integrity,
                          report.authenticity,
                          report.expiry_check,
                          report.authentic_timestamp,
                          report.revocation};
  int passed = 0;
  for (const CheckResult check : checks) {
    passed += check == CheckResult::kPass || check == CheckResult::kLogged ? 1 : 0;
  }
  return passed;
}

struct Failures {
  std::size_t count = 0;
  /// Of the signature that came furthest: the one that was meant, most likely.
  std::optional<Error> reason;
  int furthest = -1;

  void add(const SignatureReport& report, const Error& error) {
    ++count;
    if (progress(report) > furthest) {
      furthest = progress(report);
      reason = error;
    }
  }
};

Error all_failed(const VerifyRequest& request, const Failures& failures, std::size_t listed) {
  const std::string name = name_of(request);
  if (failures.count == 1 && listed == 1) {
    return failures.reason->context("the signature of " + name);
  }
  const std::string number =
      (failures.count < listed ? "the first " : "the ") + std::to_string(failures.count);
  return failures.reason->context("none of " + number + " signatures of " + name +
                                  " is acceptable");
}

Error unsigned_artifact(const VerifyRequest& request) {
  return Error(Errc::kSignature, "there is no signature for " + name_of(request))
      .with_hint("sign it: mosb sign REF --key FILE --cert CHAIN");
}

/// Tries one signature after the other until one is accepted.
Result<Verification> try_signatures(oci::Repository& repository,
                                    const VerifyRequest& request,
                                    const SignatureCheckContext& context,
                                    Verification verification) {
  VerificationReport& report = verification.report;
  const std::vector<oci::Descriptor> referrers =
      MOSB_TRY(repository.referrers(request.subject, oci::kNotarySignature)
                   .context("list the signatures of " + name_of(request)));
  if (referrers.empty()) {
    verification.refusal = unsigned_artifact(request);
    return verification;
  }
  Failures failures;
  for (const oci::Descriptor& referrer : referrers) {
    if (failures.count == request.max_signatures) {
      break;
    }
    const AttachedSignature signature =
        MOSB_TRY(read_signature(repository, referrer).context("verify " + name_of(request)));
    CheckedSignature checked = check_signature(signature, referrer.digest, context);
    report.signatures.push_back(std::move(checked.report));
    if (!checked.error) {
      report.outcome = Outcome::kVerified;
      report.metadata = std::move(checked.metadata);
      for (std::string& warning : checked.warnings) {
        report.warnings.push_back(std::move(warning));
      }
      return verification;
    }
    failures.add(report.signatures.back(), *checked.error);
  }
  verification.refusal = all_failed(request, failures, referrers.size());
  return verification;
}

}  // namespace

/// By a clock that is behind, certificates and signatures that expired long ago would look good.
Status check_clock(const Clock& clock) {
  if (clock.now() < clock.earliest()) {
    return Error(Errc::kPolicy,
                 "the clock shows " + to_rfc3339(clock.now()) + ", but this mosb was made after " +
                     to_rfc3339(clock.earliest()) + "; no certificate can be judged by it")
        .with_hint("set the clock");
  }
  return ok();
}

Result<Verification> verify(oci::Repository& repository,
                            const VerifyRequest& request,
                            const NotationConfig& config,
                            const Clock& clock) {
  MOSB_CHECK(check_request(request));
  MOSB_CHECK(check_clock(clock));
  Verification verification;
  const Result<TrustPolicy>& policy = config.policy();
  if (!policy) {
    verification.refusal = policy.error();
    return verification;
  }
  const auto selected = policy->select(request.scope);
  if (!selected) {
    verification.refusal = selected.error().context("trust policy " + quote(config.policy_path()));
    return verification;
  }
  const TrustPolicyStatement& statement = **selected;
  verification.report.policy = statement.name;
  verification.report.level = statement.level.name;
  verification.report.warnings = policy->warnings;
  if (statement.level.skips_everything()) {
    verification.report.outcome = Outcome::kSkipped;
    return verification;
  }
  TrustAnchors anchors(config, statement);
  const SignatureCheckContext context{
      statement, anchors, request.subject, request.metadata, clock.now(), request.revocation};
  return try_signatures(repository, request, context, std::move(verification));
}

}  // namespace mosb::trust
