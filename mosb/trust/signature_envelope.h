#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/signature_algorithm.h"

namespace mosb::trust {

/// A real envelope has some ten kilobytes; notation would read 32 MiB.
constexpr ByteCount kMaxEnvelope{1 * kMiB};

inline constexpr char kPayloadType[] = "application/vnd.cncf.notary.payload.v1+json";

/// Names of signed attributes, the same in JWS and COSE. Spec: Notary Project "Signature
/// specification", signed attributes.
inline constexpr char kSigningScheme[] = "io.cncf.notary.signingScheme";
inline constexpr char kSigningTime[] = "io.cncf.notary.signingTime";
inline constexpr char kAuthenticSigningTime[] = "io.cncf.notary.authenticSigningTime";
inline constexpr char kExpiry[] = "io.cncf.notary.expiry";
inline constexpr char kVerificationPlugin[] = "io.cncf.notary.verificationPlugin";
inline constexpr char kVerificationPluginMinVersion[] =
    "io.cncf.notary.verificationPluginMinVersion";
inline constexpr char kTimestampSignature[] = "io.cncf.notary.timestampSignature";
inline constexpr char kSigningAgent[] = "io.cncf.notary.signingAgent";
/// What mosb writes as the signing agent.
inline constexpr char kOurAgent[] = "mosb";

enum class SigningScheme { kX509, kX509SigningAuthority };
/// "notary.x509", "notary.x509.signingAuthority".
const char* signing_scheme_name(SigningScheme scheme);
std::optional<SigningScheme> parse_signing_scheme(std::string_view name);
/// The attribute that holds the signing time in that scheme, and the one that must not be there.
const char* signing_time_of(SigningScheme scheme);
const char* other_signing_time(SigningScheme scheme);

/// What the signer signed beside the payload.
struct SignedAttributes {
  SigningScheme scheme = SigningScheme::kX509;
  /// The signer's word for notary.x509, the signing authority's for the other scheme.
  SystemTime signing_time;
  std::optional<SystemTime> expiry;
  /// The signature wants a verification plugin. mosb has none.
  std::optional<std::string> verification_plugin;
  std::optional<std::string> verification_plugin_min_version;
  /// Critical attributes that mosb does not know.
  std::vector<std::string> unknown_critical;
};

/// The attributes that an envelope must mark as critical.
std::set<std::string> must_be_critical(const SignedAttributes& attributes);
/// What attributes must be to each other. Errors: kSignature.
Status check_attributes(const SignedAttributes& attributes);

/// What a new envelope says. Only the scheme notary.x509 is written.
struct EnvelopeContent {
  SignatureAlgorithm algorithm;
  SystemTime signing_time;
  std::optional<SystemTime> expiry;
  std::string payload;
};

/// A signature envelope taken apart, in whichever format it came.
struct SignatureEnvelope {
  SignatureAlgorithm algorithm = SignatureAlgorithm::kPs256;
  SignedAttributes attributes;
  /// As sent: leaf first.
  std::vector<Certificate> chain;
  std::string payload;
  /// Exactly what `signature` is over.
  std::string signed_bytes;
  Bytes signature;
  /// RFC 3161 token; empty if there is none.
  Bytes timestamp;
};

/// Whether the leaf's key signed the envelope, with the algorithm that belongs to the key, and the
/// chain is what it must be. Clock and trust don't matter here. Errors: kSignature.
Status check_integrity(const SignatureEnvelope& envelope);

}  // namespace mosb::trust
