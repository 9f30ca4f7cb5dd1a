#include "mosb/trust/sign.h"

#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/media_types.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/cose_envelope.h"
#include "mosb/trust/jws_envelope.h"
#include "mosb/trust/open_envelope.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/signature_manifest.h"

namespace mosb::trust {

namespace {

constexpr std::string_view kReservedPrefix = "io.cncf.notary";

Status check_metadata(const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    if (key.empty() || !is_utf8(key) || !is_utf8(value)) {
      return Error(Errc::kUsage, "metadata " + quote(key) + " is empty or not UTF-8");
    }
    if (std::string_view(key).substr(0, kReservedPrefix.size()) == kReservedPrefix) {
      return Error(
          Errc::kUsage,
          "metadata key " + quote(key) + " has the reserved prefix " + quote(kReservedPrefix));
    }
  }
  return ok();
}

/// What a verifier would refuse must not be signed in the first place.
Status check_key(const SigningKey& key, SystemTime now) {
  MOSB_CHECK(check_code_signing_chain(key.chain)
                 .context("certificate chain")
                 .with_hint("the chain file must hold the signing certificate, then its issuers up "
                            "to and with the root"));
  MOSB_CHECK(check_validity(key.chain, now).context("certificate chain"));
  if (!key.key.belongs_to(key.chain.front())) {
    return Error(Errc::kUsage, "the certificate chain does not belong to the key");
  }
  return ok();
}

/// Reads back what was just written, as a verifier would.
Status check_own_envelope(const std::string& envelope, const SignRequest& request) {
  const SignatureEnvelope parsed = MOSB_TRY(parse_envelope(request.format, envelope));
  MOSB_CHECK(check_integrity(parsed));
  if (!MOSB_TRY(parse_payload(parsed.payload)).names(request.subject)) {
    return Error(Errc::kInternal, "the new signature is not about its subject");
  }
  return ok();
}

/// Empty if nobody is to be asked.
Result<Bytes> make_timestamp(const SignRequest& request, const Bytes& signature, SystemTime now) {
  if (!request.timestamp_authority) {
    return Bytes();
  }
  SignatureEnvelope envelope;
  envelope.algorithm = request.key.key.algorithm();
  envelope.chain = request.key.chain;
  envelope.signature = signature;
  return request_timestamp(*request.timestamp_authority, envelope, now);
}

Result<std::string> make_envelope(const SignRequest& request, SystemTime now) {
  Payload payload{request.subject.media_type,
                  request.subject.digest.str(),
                  request.subject.size,
                  request.metadata};
  EnvelopeContent content{
      request.key.key.algorithm(), now, std::nullopt, print_payload(payload, request.format)};
  if (request.expiry) {
    if (request.expiry->count() <= 0) {
      return Error(Errc::kUsage, "the expiry must be at least one second from now");
    }
    content.expiry = now + *request.expiry;
  }
  const bool cose = request.format == EnvelopeFormat::kCose;
  const std::string input = cose ? cose_signing_input(content) : jws_signing_input(content);
  const Bytes signature = MOSB_TRY(request.key.key.sign(as_bytes(input)));
  const Bytes timestamp = MOSB_TRY(make_timestamp(request, signature, now));
  std::string envelope = cose ? print_cose(content, request.key.chain, signature, timestamp)
                              : print_jws(input, request.key.chain, signature, timestamp);
  MOSB_CHECK(check_own_envelope(envelope, request).context("check the new signature"));
  return envelope;
}

Result<oci::Descriptor> push(oci::Repository& repository,
                             const SignatureManifestContent& content,
                             const std::string& envelope) {
  const SignatureManifest manifest = print_signature_manifest(content);
  MOSB_CHECK(repository.push_blob(content.envelope, oci::BlobSource::bytes(envelope)));
  MOSB_CHECK(repository.push_blob(oci::describe(oci::kNotarySignature, kEmptyConfig),
                                  oci::BlobSource::bytes(std::string(kEmptyConfig))));
  MOSB_CHECK(repository.push_referrer(manifest.descriptor, manifest.bytes, content.subject));
  return manifest.descriptor;
}

}  // namespace

Result<oci::Descriptor> sign(oci::Repository& repository,
                             const SignRequest& request,
                             const Clock& clock) {
  const std::string what = "sign " + request.subject.digest.str();
  const SystemTime now = clock.now();
  MOSB_CHECK(check_metadata(request.metadata).context(what));
  MOSB_CHECK(check_key(request.key, now).context(what));
  const std::string envelope = MOSB_TRY(make_envelope(request, now).context(what));
  const SignatureManifestContent content{
      oci::describe(envelope_media_type(request.format), envelope),
      oci::bare(request.subject),
      request.key.chain,
      now};
  return push(repository, content, envelope).context(what);
}

}  // namespace mosb::trust
