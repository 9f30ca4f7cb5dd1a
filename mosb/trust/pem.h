#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"

namespace mosb::trust {

struct PemBlock {
  /// "CERTIFICATE", "PRIVATE KEY", …
  std::string label;
  Bytes content;
};

/// The PEM blocks of a text, whatever stands around them; none is a value. A block with headers,
/// without its end, or with anything but base64 in it is an error. Spec: RFC 7468.
/// Errors: kContent.
Result<std::vector<PemBlock>> parse_pem(std::string_view text);
std::string print_pem(const std::string& label, ByteView content);

}  // namespace mosb::trust
