#pragma once

#include <array>
#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/envelope_format.h"
#include "mosb/trust/keyset.h"

namespace mosb::test {

/// The real notation: the program in the folder that MOSB_NOTATION names, else the one that
/// tests/support/fetch_notation.sh brings. Without it the test fails.
const std::string& notation_program();

/// A keyset of mosb's that notation can sign with too: its signing key is notation's default key.
struct NotationSigner {
  TempDir temp;
  trust::Keyset keyset;
};
NotationSigner make_notation_signer(trust::SignatureAlgorithm algorithm);

/// Runs notation with a configuration directory of its own.
Completed run_notation(const std::string& config_dir, const std::vector<std::string>& arguments);

inline constexpr std::array kFormats{trust::EnvelopeFormat::kJws, trust::EnvelopeFormat::kCose};
/// The format as notation's flag --signature-format takes it.
const char* notation_format(trust::EnvelopeFormat format);

/// Stores a small image and lets `tag` name it; the manifest's descriptor.
oci::Descriptor push_image(oci::Repository& repository, const std::string& tag);

}  // namespace mosb::test
