#include "mosb/trust/open_envelope.h"

#include "mosb/base/text.h"
#include "mosb/trust/cose_envelope.h"
#include "mosb/trust/jws_envelope.h"

namespace mosb::trust {

Result<SignatureEnvelope> parse_envelope(EnvelopeFormat format, std::string_view bytes) {
  switch (format) {
    case EnvelopeFormat::kJws:
      return parse_jws(bytes);
    case EnvelopeFormat::kCose:
      return parse_cose(bytes);
  }
  return parse_jws(bytes);
}

Result<SignatureEnvelope> open_envelope(const AttachedSignature& signature) {
  const auto format = parse_envelope_media_type(signature.media_type);
  if (!format) {
    return Error(Errc::kSignature,
                 "signature envelope format " + quote(signature.media_type) + " is not supported");
  }
  return parse_envelope(*format, signature.envelope);
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
