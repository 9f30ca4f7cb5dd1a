#pragma once

#include <chrono>

#include "mosb/trust/certificate.h"
#include "mosb/trust/private_key.h"

namespace mosb::fuzz {

/// A certificate authority whose key nobody has.
inline trust::Certificate make_root() {
  const auto key = trust::PrivateKey::generate(trust::SignatureAlgorithm::kEs256);
  trust::CertificateRequest request;
  request.country = "XX";
  request.state = "none";
  request.organization = "fuzz";
  request.common_name = "root";
  request.use = trust::CertificateRequest::Use::kRootCa;
  request.not_before = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  request.not_after = std::chrono::sys_days(std::chrono::year(2036) / 1 / 1);
  return *key->self_sign(request);
}

}  // namespace mosb::fuzz
