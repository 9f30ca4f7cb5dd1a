#pragma once

#include <optional>
#include <string_view>

namespace mosb::trust {

/// The formats that signature envelopes come in.
enum class EnvelopeFormat { kJws, kCose };

/// "application/jose+json", "application/cose".
const char* envelope_media_type(EnvelopeFormat format);
std::optional<EnvelopeFormat> parse_envelope_media_type(std::string_view media_type);

}  // namespace mosb::trust
