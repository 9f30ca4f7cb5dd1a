#include "mosb/agent/applied_state.h"

#include <algorithm>
#include <cerrno>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxState{64 * kMiB};
constexpr std::string_view kMagic = "mosb-state 1 ";
constexpr std::string_view kAnyMagic = "mosb-state ";

std::string state_file(const Paths& paths) {
  return paths.state() + "/applied";
}

Result<std::optional<SystemTime>> optional_time(const Json& json, const std::string& name) {
  const auto text = MOSB_TRY(json::optional_string(json, name));
  return text ? std::optional<SystemTime>(MOSB_TRY(parse_rfc3339(*text).context(name)))
              : std::optional<SystemTime>();
}

Json to_json(const ServiceImage& image) {
  Json json{{"ref", image.ref},
            {"scope", image.scope},
            {"digest", image.digest.str()},
            {"outcome", image.outcome},
            {"policy", image.policy},
            {"subject", image.subject},
            {"insecure", image.insecure}};
  if (image.admitted_at) {
    json["admitted_at"] = to_rfc3339(*image.admitted_at);
  }
  if (image.counts_until) {
    json["counts_until"] = to_rfc3339(*image.counts_until);
  }
  return json;
}

Result<ServiceImage> image_from(const Json& json) {
  ServiceImage image{MOSB_TRY(json::require_string(json, "ref")),
                     MOSB_TRY(json::require_string(json, "scope")),
                     MOSB_TRY(Digest::parse(MOSB_TRY(json::require_string(json, "digest")))),
                     MOSB_TRY(json::require_string(json, "outcome")),
                     MOSB_TRY(json::require_string(json, "policy")),
                     MOSB_TRY(json::require_string(json, "subject")),
                     false};
  image.insecure = MOSB_TRY(json::optional_bool(json, "insecure")).value_or(false);
  image.admitted_at = MOSB_TRY(optional_time(json, "admitted_at"));
  image.counts_until = MOSB_TRY(optional_time(json, "counts_until"));
  return image;
}

Result<std::optional<RecheckFinding>> finding_of(const Json& service) {
  const Json* const json = MOSB_TRY(json::optional_object(service, "finding"));
  return json == nullptr ? std::optional<RecheckFinding>()
                         : std::optional(MOSB_TRY(parse_recheck_finding(*json).context("finding")));
}

Result<AppliedService> service_from(const std::string& name, const Json& json) {
  const std::string text = MOSB_TRY(json::require_string(json, "manifest"));
  AppliedService service{MOSB_TRY(manifest::parse(text, "service " + name)),
                         MOSB_TRY(image_from(*MOSB_TRY(json::require_object(json, "image")))),
                         MOSB_TRY(json::optional_bool(json, "stopped")).value_or(false),
                         MOSB_TRY(finding_of(json))};
  if (service.manifest.targets.size() != 1 || service.target().service_name != name) {
    return Error(Errc::kState, "service " + quote(name) + " is not what its manifest describes");
  }
  return service;
}

Result<AppliedState> parse_body(std::string_view body) {
  const Json json = MOSB_TRY(json::parse(body, kMaxState));
  AppliedState state;
  state.generation = MOSB_TRY(json::require_uint(json, "generation"));
  state.product = MOSB_TRY(json::require_string(json, "product"));
  state.notation_config = MOSB_TRY(json::require_string(json, "notation_config"));
  const Json* const services = MOSB_TRY(json::require_object(json, "services"));
  for (const auto& [name, value] : services->items()) {
    state.services.emplace(name, MOSB_TRY(service_from(name, value)));
  }
  return state;
}

}  // namespace

std::string print(const AppliedState& state) {
  Json services = Json::object();
  for (const auto& [name, service] : state.services) {
    services[name] = {{"manifest", manifest::print(service.manifest)},
                      {"image", to_json(service.image)},
                      {"stopped", service.stopped}};
    if (service.finding) {
      services[name]["finding"] = to_json(*service.finding);
    }
  }
  const Json json{{"generation", state.generation},
                  {"product", state.product},
                  {"notation_config", state.notation_config},
                  {"services", services}};
  const std::string body = json.dump(1) + "\n";
  return std::string(kMagic) + Digest::of(body).hex() + "\n" + body;
}

Result<AppliedState> parse_applied_state(std::string_view text) {
  const std::size_t line_end = text.find('\n');
  const std::string_view first = text.substr(0, line_end);
  if (first.substr(0, kMagic.size()) != kMagic) {
    if (first.substr(0, kAnyMagic.size()) == kAnyMagic) {
      return Error(Errc::kState, "the state is from a newer mosb")
          .with_hint("use the mosb that wrote it");
    }
    return Error(Errc::kState, "this is no state of mosb");
  }
  const std::string_view body = text.substr(std::min(first.size() + 1, text.size()));
  if (first.substr(kMagic.size()) != Digest::of(body).hex()) {
    return Error(Errc::kState, "the state is damaged: its digest does not match");
  }
  return parse_body(body).as(Errc::kState);
}

Result<AppliedState> load_applied_state(const Paths& paths) {
  const std::string path = state_file(paths);
  auto text = read_file(path, kMaxState);
  if (!text) {
    if (text.error().sys_errno() == ENOENT) {
      return AppliedState();
    }
    return std::move(text).error().as(Errc::kState);
  }
  return parse_applied_state(*text)
      .context("read " + quote(path))
      .with_hint("running services go on; move the file away and apply the manifest again");
}

Status save_applied_state(const Paths& paths, AppliedState state) {
  const AppliedState old = MOSB_TRY(load_applied_state(paths));
  state.generation = old.generation;
  if (print(state) == print(old)) {
    return ok();
  }
  state.generation = old.generation + 1;
  return write_file_atomic(state_file(paths), print(state), 0600).context("record what is applied");
}

}  // namespace mosb::agent
