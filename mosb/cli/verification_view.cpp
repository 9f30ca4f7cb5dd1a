#include "mosb/cli/verification_view.h"

#include "mosb/base/rfc3339.h"
#include "mosb/cli/error_view.h"

namespace mosb::cli {

namespace {

using trust::check_result_name;
using trust::CheckResult;

Json time_or_null(const std::optional<SystemTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json(nullptr);
}

Json to_json(const trust::CertificateReport& certificate) {
  return {{"subject", certificate.subject},
          {"sha256", certificate.thumbprint.hex()},
          {"not_before", to_rfc3339(certificate.not_before)},
          {"not_after", to_rfc3339(certificate.not_after)},
          {"trusted_by", certificate.trusted_by}};
}

std::string line(unsigned depth, const std::string& text) {
  return std::string(2 * static_cast<std::size_t>(depth), ' ') + text + "\n";
}

std::string render_certificate(const trust::CertificateReport& certificate) {
  const std::string trusted =
      certificate.trusted_by.empty() ? "" : ", in trust store " + certificate.trusted_by;
  return line(3, certificate.subject + trusted) +
         line(4,
              "valid " + to_rfc3339(certificate.not_before) + " to " +
                  to_rfc3339(certificate.not_after) +
                  (certificate.has_revocation_url ? ", names an OCSP responder or CRL" : ""));
}

std::string render_check(const char* name, CheckResult result) {
  return line(3, std::string(name) + ": " + check_result_name(result));
}

std::string render_signature(const trust::SignatureReport& signature) {
  std::string out =
      line(1, "signature " + signature.digest.str() + ": " + outcome_name(signature.outcome));
  if (!signature.error.empty()) {
    out += line(2, "because: " + signature.error);
  }
  out += line(2, "format: " + signature.media_type + " " + signature.algorithm);
  if (signature.signing_time) {
    out += line(2,
                "signed: " + to_rfc3339(*signature.signing_time) + " (" + signature.signing_scheme +
                    ")" + (signature.expiry ? ", expires " + to_rfc3339(*signature.expiry) : ""));
  }
  if (!signature.chain.empty()) {
    out += line(2, "chain:");
  }
  for (const trust::CertificateReport& certificate : signature.chain) {
    out += render_certificate(certificate);
  }
  return out + line(2, "checks:") + render_check("integrity", signature.integrity) +
         render_check("authenticity", signature.authenticity) +
         render_check("expiry", signature.expiry_check) +
         render_check("authentic timestamp", signature.authentic_timestamp) +
         render_check("revocation", signature.revocation);
}

}  // namespace

Json to_json(const trust::SignatureReport& signature) {
  Json chain = Json::array();
  for (const trust::CertificateReport& certificate : signature.chain) {
    chain.push_back(to_json(certificate));
  }
  return {{"digest", signature.digest.str()},
          {"media_type", signature.media_type},
          {"algorithm", signature.algorithm},
          {"signing_scheme", signature.signing_scheme},
          {"signing_time", time_or_null(signature.signing_time)},
          {"expiry", time_or_null(signature.expiry)},
          {"subject", signature.subject},
          {"issuer", signature.issuer},
          {"outcome", outcome_name(signature.outcome)},
          {"error", signature.error},
          {"chain", chain},
          {"checks",
           {{"integrity", check_result_name(signature.integrity)},
            {"authenticity", check_result_name(signature.authenticity)},
            {"authentic_timestamp", check_result_name(signature.authentic_timestamp)},
            {"expiry", check_result_name(signature.expiry_check)},
            {"revocation", check_result_name(signature.revocation)}}}};
}

Json to_json(const std::string& ref,
             const Digest& digest,
             const trust::Verification& verification) {
  const trust::VerificationReport& report = verification.report;
  Json signatures = Json::array();
  for (const trust::SignatureReport& signature : report.signatures) {
    signatures.push_back(to_json(signature));
  }
  Json out{{"ref", ref},
           {"digest", digest.str()},
           {"outcome", outcome_name(report.outcome)},
           {"policy", report.policy},
           {"level", report.level},
           {"metadata", report.metadata},
           {"signatures", signatures},
           {"warnings", report.warnings}};
  if (verification.refusal) {
    out["error"] = to_json(*verification.refusal);
  }
  return out;
}

std::string render_tree(const trust::VerificationReport& report) {
  std::string out = line(0, std::string("outcome: ") + outcome_name(report.outcome));
  if (!report.policy.empty()) {
    out += line(1, "statement: " + report.policy + ", level " + report.level);
  }
  for (const trust::SignatureReport& signature : report.signatures) {
    out += render_signature(signature);
  }
  for (const auto& [key, value] : report.metadata) {
    out += line(1, "metadata: " + key + "=" + value);
  }
  for (const std::string& warning : report.warnings) {
    out += line(1, "warning: " + warning);
  }
  return out;
}

}  // namespace mosb::cli
