#include "mosb/trust/open_envelope.h"

#include "mosb/base/text.h"
#include "mosb/oci/media_types.h"
#include "mosb/trust/jws_envelope.h"

namespace mosb::trust {

Result<SignatureEnvelope> open_envelope(const AttachedSignature& signature) {
  if (signature.media_type == oci::kCose) {
    return Error(Errc::kSignature, "COSE signatures are not supported by this mosb")
        .with_hint("sign in the format jws");
  }
  if (signature.media_type != oci::kJws) {
    return Error(Errc::kSignature,
                 "signature envelope format " + quote(signature.media_type) + " is not supported");
  }
  return parse_jws(signature.envelope);
}

void describe_envelope(const SignatureEnvelope& envelope, SignatureReport& report) {
  report.algorithm = display_name(envelope.algorithm);
  report.signing_scheme = signing_scheme_name(envelope.attributes.scheme);
  report.signing_time = envelope.attributes.signing_time;
  report.expiry = envelope.attributes.expiry;
  report.subject = envelope.chain.front().fields().subject;
  report.issuer = envelope.chain.front().fields().issuer;
  for (const Certificate& certificate : envelope.chain) {
    const CertificateFields& fields = certificate.fields();
    report.chain.push_back(CertificateReport{fields.subject,
                                             certificate.thumbprint(),
                                             fields.not_before,
                                             fields.not_after,
                                             fields.has_revocation_url(),
                                             ""});
  }
}

}  // namespace mosb::trust
