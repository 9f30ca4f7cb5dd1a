#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/ocsp.h>

#include "tests/trust/pki.h"

namespace mosb::test {

struct RevokedRecipe {
  const Identity* identity;
  /// A number of RFC 5280 §5.3.1; nullopt: none is said.
  std::optional<long> reason = {};
  SystemTime revoked_at = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  std::optional<SystemTime> invalid_since = {};
  bool unknown_critical = false;
  /// Reason and date of invalidity are marked so.
  bool critical = false;
  /// More of them: number and value as in openssl.cnf.
  Extensions extensions = {};
};

/// What a CRL says.
struct CrlRecipe {
  const Identity* issuer;
  std::vector<RevokedRecipe> revoked = {};
  std::optional<SystemTime> next_update = std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);
  std::optional<long> number = 1;
  std::optional<long> delta_base = {};
  /// Number of the extension, and its value as in openssl.cnf.
  Extensions extensions = {};
  const EVP_MD* hash = EVP_sha256();
  /// Signs instead of the issuer's key.
  const Identity* key_of = nullptr;
};
std::string make_crl(const CrlRecipe& recipe);

/// What an OCSP responder says.
struct OcspRecipe {
  const Identity* certificate;
  const Identity* issuer;
  int status = V_OCSP_CERTSTATUS_GOOD;
  std::optional<SystemTime> next_update = std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);
  std::optional<SystemTime> invalid_since = {};
  /// nullptr: the issuer itself.
  const Identity* signer = nullptr;
  bool holds_signer = true;
  bool unknown_critical = false;
  /// Its date of invalidity is none.
  bool odd_date = false;
  const EVP_MD* hash = EVP_sha256();
};
std::string make_ocsp_response(const OcspRecipe& recipe);

}  // namespace mosb::test
