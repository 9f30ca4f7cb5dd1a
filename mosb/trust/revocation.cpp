#include "mosb/trust/revocation.h"

#include "mosb/base/text.h"

namespace mosb::trust {

Status check_revocation(const std::vector<Certificate>& chain) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    const CertificateFields& fields = chain[i].fields();
    if (fields.has_revocation_url) {
      return Error(Errc::kSignature,
                   "certificate " + quote(fields.subject) +
                       " names an OCSP responder or CRL, and checking revocation is not supported "
                       "by this mosb")
          .with_hint(
              "override revocation with \"log\" or \"skip\" in the trust policy statement, "
              "or sign with a certificate that names neither");
    }
  }
  return ok();
}

}  // namespace mosb::trust
