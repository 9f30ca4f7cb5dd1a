#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "mosb/trust/bytes.h"
#include "tests/trust/pki.h"

namespace mosb::test {

/// What a TSTInfo says.
struct TstInfoRecipe {
  std::string message = "signature";
  const EVP_MD* imprint_hash = EVP_sha256();
  std::string time = "20261122120000Z";
  std::string policy = "1.2.3.4";
  long version = 1;
  /// Seconds, milliseconds, microseconds; without any, no accuracy.
  std::optional<std::array<long, 3>> accuracy = {};
  /// The same as it is encoded.
  std::optional<std::string> accuracy_der = {};
  std::optional<long> nonce = {};
};
std::string make_tst_info(const TstInfoRecipe& recipe);

/// What names the signer in a token's signed attributes.
enum class EssForm {
  kV2,
  kV2WithIssuer,
  kV2WithWrongIssuer,
  kV2WithWrongSerial,
  kV2WithWrongHash,
  kV2Sha1,
  kV1,
  kNone
};

/// What a token around it says.
struct TokenRecipe {
  std::string content = {};
  const Identity* signer = nullptr;
  /// Beside the signer's.
  std::vector<const Identity*> certificates = {};
  bool holds_signer = true;
  const EVP_MD* digest = EVP_sha256();
  EssForm ess = EssForm::kV2;
  /// Whom that attribute is about; nullptr: the signer.
  const Identity* named = nullptr;
  /// UTCTime, or what its type says.
  std::string signing_time = "261122120000Z";
  int signing_time_type = V_ASN1_UTCTIME;
  /// kEmpty: its attribute is there, without a value.
  enum class Time { kSaid, kAbsent, kEmpty } time = Time::kSaid;
  /// The signer's signature is said to be made so.
  int said_algorithm = NID_undef;
  /// The signature is RSA-PSS.
  bool is_pss = false;
  int content_type = NID_id_smime_ct_TSTInfo;
  bool signer_by_key_id = false;
  /// They sign as well.
  std::vector<const Identity*> other_signers = {};
};
std::string make_token(const TokenRecipe& recipe);

/// OpenSSL's own answer (TimeStampResp) to a TimeStampReq, at that time. `path`: the signer's
/// certificate, then its issuers'.
std::string openssl_reply(const std::string& query,
                          const std::vector<const Identity*>& path,
                          SystemTime time);

}  // namespace mosb::test
