#include "mosb/trust/signature_manifest.h"

#include <utility>

#include "mosb/base/json.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/media_types.h"
#include "mosb/trust/go_json.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

namespace {

/// The predecessor of image manifests with a subject; names its layers `blobs`.
constexpr char kArtifactManifest[] = "application/vnd.oci.artifact.manifest.v1+json";
constexpr char kThumbprints[] = "io.cncf.notary.x509chain.thumbprint#S256";

Result<oci::Descriptor> envelope_descriptor(std::string_view manifest,
                                            const std::string& media_type) {
  const Json document = MOSB_TRY(json::parse(manifest, oci::kMaxManifestSize));
  const char* const member = media_type == kArtifactManifest ? "blobs" : "layers";
  const Json& layers = *MOSB_TRY(json::require_array(document, member));
  if (layers.size() != 1) {
    return Error(
        Errc::kContent,
        "a signature manifest has exactly one layer, not " + std::to_string(layers.size()));
  }
  oci::Descriptor envelope = MOSB_TRY(oci::parse_descriptor(layers.front()));
  if (envelope.size > kMaxEnvelope.value) {
    return Error(Errc::kContent,
                 "the signature envelope has " + std::to_string(envelope.size) +
                     " bytes, more than " + std::to_string(kMaxEnvelope.value));
  }
  return envelope;
}

Result<AttachedSignature> read(oci::Repository& repository, const oci::Descriptor& referrer) {
  if (referrer.media_type != oci::kImageManifest && referrer.media_type != kArtifactManifest) {
    return Error(Errc::kContent,
                 "media type " + quote(referrer.media_type) + " is not a signature manifest's");
  }
  if (referrer.size > oci::kMaxManifestSize.value) {
    return Error(Errc::kContent, "the signature manifest is too large");
  }
  const std::string manifest = MOSB_TRY(repository.read_manifest(referrer));
  const oci::Descriptor envelope = MOSB_TRY(envelope_descriptor(manifest, referrer.media_type));
  std::string bytes = MOSB_TRY(repository.read_blob(envelope, kMaxEnvelope));
  return AttachedSignature{envelope.media_type, std::move(bytes)};
}

OrderedJson bare_json(const oci::Descriptor& descriptor) {
  return OrderedJson{{"mediaType", descriptor.media_type},
                     {"digest", descriptor.digest.str()},
                     {"size", descriptor.size}};
}

std::string thumbprints(const std::vector<Certificate>& chain) {
  OrderedJson list = OrderedJson::array();
  for (const Certificate& certificate : chain) {
    list.push_back(certificate.thumbprint().hex());
  }
  return list.dump();
}

}  // namespace

Result<AttachedSignature> read_signature(oci::Repository& repository,
                                         const oci::Descriptor& referrer) {
  auto signature = read(repository, referrer);
  // "Not found" is about an artifact that somebody asked for; here a listed one lacks its content.
  if (!signature && signature.error().code() == Errc::kNotFound) {
    signature = std::move(signature).as(Errc::kContent);
  }
  return std::move(signature).context("signature " + referrer.digest.str());
}

SignatureManifest print_signature_manifest(const SignatureManifestContent& content) {
  const oci::Annotations annotations{{kThumbprints, thumbprints(content.chain)},
                                     {oci::kCreated, to_rfc3339(content.signing_time)}};
  const OrderedJson manifest{
      {"schemaVersion", 2},
      {"mediaType", oci::kImageManifest},
      {"config", bare_json(oci::describe(oci::kNotarySignature, kEmptyConfig))},
      {"layers", OrderedJson::array({bare_json(content.envelope)})},
      {"subject", bare_json(content.subject)},
      {"annotations", annotations}};
  std::string bytes = print_go_json(manifest);
  oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
  descriptor.annotations = annotations;
  descriptor.artifact_type = oci::kNotarySignature;
  return {std::move(descriptor), std::move(bytes)};
}

}  // namespace mosb::trust
