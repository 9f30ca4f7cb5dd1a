#include "mosb/trust/envelope_format.h"

#include "mosb/oci/media_types.h"

namespace mosb::trust {

const char* envelope_media_type(EnvelopeFormat format) {
  switch (format) {
    case EnvelopeFormat::kJws:
      return oci::kJws;
    case EnvelopeFormat::kCose:
      return oci::kCose;
  }
  return oci::kJws;
}

std::optional<EnvelopeFormat> parse_envelope_media_type(std::string_view media_type) {
  for (const EnvelopeFormat format : {EnvelopeFormat::kJws, EnvelopeFormat::kCose}) {
    if (media_type == envelope_media_type(format)) {
      return format;
    }
  }
  return std::nullopt;
}

}  // namespace mosb::trust
