#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/digest.h"

namespace mosb::trust {

/// What became of a signature, or of all of them.
enum class Outcome { kVerified, kFailed, kSkipped };
/// What became of one check. kLogged: it failed, and policy says that this is only to be told.
/// kSkipped: policy leaves it out, or an earlier check ended the verification.
enum class CheckResult { kPass, kFail, kLogged, kSkipped };

/// "verified", "failed", "skipped".
const char* outcome_name(Outcome outcome);
/// "pass", "fail", "logged", "skipped".
const char* check_result_name(CheckResult result);

/// One certificate of a signature's chain.
struct CertificateReport {
  std::string subject;
  Digest thumbprint;
  SystemTime not_before;
  SystemTime not_after;
  bool has_revocation_url = false;
  /// The trust store that holds it, e.g. "ca:example"; "" if none that the policy names does.
  std::string trusted_by;
};

/// One signature as it was judged. What could not be read stays empty.
struct SignatureReport {
  /// Of the signature manifest.
  Digest digest;
  /// Of the envelope.
  std::string media_type = {};
  /// As notation shows it, e.g. "RSASSA-PSS-SHA-256".
  std::string algorithm = {};
  std::string signing_scheme = {};
  /// Of the signing certificate, e.g. "CN=signer,O=example,ST=WA,C=US".
  std::string subject = {};
  std::string issuer = {};
  /// Why the signature was not accepted; empty if it was.
  std::string error = {};
  std::optional<SystemTime> signing_time = std::nullopt;
  std::optional<SystemTime> expiry = std::nullopt;
  /// Leaf first.
  std::vector<CertificateReport> chain = {};
  Outcome outcome = Outcome::kFailed;
  CheckResult integrity = CheckResult::kSkipped;
  CheckResult authenticity = CheckResult::kSkipped;
  CheckResult authentic_timestamp = CheckResult::kSkipped;
  CheckResult expiry_check = CheckResult::kSkipped;
  CheckResult revocation = CheckResult::kSkipped;
};

/// The decision about one artifact with everything it rests on.
struct VerificationReport {
  Outcome outcome = Outcome::kFailed;
  /// Name of the trust policy statement that applied.
  std::string policy;
  /// strict, permissive, audit or skip; "custom" where the statement overrides some of it.
  std::string level;
  /// User metadata of the accepted signature.
  std::map<std::string, std::string> metadata;
  /// In the order they were tried; the last one is the accepted one, if any was.
  std::vector<SignatureReport> signatures;
  std::vector<std::string> warnings;
};

}  // namespace mosb::trust
