#include "mosb/trust/payload.h"

#include <array>

#include "mosb/base/json.h"
#include "mosb/trust/go_json.h"
#include "mosb/trust/signature_envelope.h"
#include "mosb/trust/strict_names.h"

namespace mosb::trust {

namespace {

constexpr std::array<std::string_view, 1> kMembers{"targetArtifact"};
constexpr std::array<std::string_view, 4> kTargetMembers{
    "mediaType", "digest", "size", "annotations"};

Result<Payload> parse(std::string_view text) {
  const Json object = MOSB_TRY(json::parse(text, kMaxEnvelope));
  if (!object.is_object()) {
    return Error(Errc::kSignature, "it is not an object");
  }
  MOSB_CHECK(refuse_miscased_names(object, kMembers));
  const Json* const target = MOSB_TRY(json::optional_object(object, kMembers[0].data()));
  Payload payload;
  if (target == nullptr) {
    return payload;
  }
  MOSB_CHECK(refuse_miscased_names(*target, kTargetMembers));
  payload.media_type = MOSB_TRY(json::optional_string(*target, "mediaType")).value_or("");
  payload.digest = MOSB_TRY(json::optional_string(*target, "digest")).value_or("");
  payload.size = MOSB_TRY(json::optional_uint(*target, "size")).value_or(0);
  payload.annotations = MOSB_TRY(json::optional_string_map(*target, "annotations"));
  return payload;
}

}  // namespace

bool Payload::names(const oci::Descriptor& artifact) const {
  return media_type == artifact.media_type && digest == artifact.digest.str() &&
         size == artifact.size;
}

Result<Payload> parse_payload(std::string_view text) {
  return parse(text).as(Errc::kSignature).context("payload");
}

std::string print_payload(const Payload& payload, EnvelopeFormat format) {
  OrderedJson target{
      {"mediaType", payload.media_type}, {"digest", payload.digest}, {"size", payload.size}};
  if (!payload.annotations.empty()) {
    target["annotations"] = payload.annotations;
  }
  const OrderedJson object{{kMembers[0], std::move(target)}};
  // Json sorts names.
  return format == EnvelopeFormat::kJws ? print_go_json(Json(object)) : print_go_json(object);
}

}  // namespace mosb::trust
