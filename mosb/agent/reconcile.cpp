#include "mosb/agent/reconcile.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mosb::agent {

namespace {

bool is_current(const ServiceView& view) {
  return view.facts.record && view.facts.record->fingerprint == view.spec.fingerprint;
}

bool any_corrupt(const ServiceFacts& facts) {
  return std::any_of(facts.mounts.begin(), facts.mounts.end(), [](const verity::MountState& mount) {
    return std::any_of(
        mount.layers.begin(), mount.layers.end(), [](const auto& layer) { return layer.corrupt; });
  });
}

/// Why a container has to be started, in words.
std::string start_reason(const ServiceView& view) {
  const ServiceFacts& facts = view.facts;
  if (facts.running() && !is_current(view)) {
    return "its image or configuration changed";
  }
  if (facts.running() && any_corrupt(facts)) {
    return "a layer that it runs from is corrupt";
  }
  if (!facts.record) {
    return "not running";
  }
  if (facts.container.last_exit && facts.container.state == lxc::RunState::kExited) {
    return "ended with status " + std::to_string(facts.container.last_exit->code);
  }
  return "not running any more";
}

std::string megabytes(ByteCount bytes) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f MB", static_cast<double>(bytes.value) / 1e6);
  return text.data();
}

}  // namespace

ServiceChange change_for(const ServiceView& view) {
  ServiceChange change;
  switch (view.spec.type) {
    case manifest::ServiceType::kHostfs:
      return change;
    case manifest::ServiceType::kFsOnly:
      if (!view.mounted) {
        change = {true, view.facts.leftovers, true};
      }
      return change;
    case manifest::ServiceType::kContainer:
      break;
  }
  const bool corrupt = any_corrupt(view.facts);
  if (view.facts.running() && is_current(view) && !corrupt) {
    change.mount = !view.mounted;
    return change;
  }
  return {true, view.facts.leftovers, true};
}

std::vector<Step> steps_for(const ServiceView& view) {
  const ServiceChange change = change_for(view);
  std::vector<Step> steps;
  if (view.missing_layers > 0) {
    steps.push_back(
        {"pull",
         view.image_ref,
         std::to_string(view.missing_layers) + " layers, " + megabytes(view.missing_bytes)});
  }
  if (view.damaged_layers > 0) {
    steps.push_back({"pull",
                     view.image_ref,
                     "the bad blocks of " + std::to_string(view.damaged_layers) + " layers"});
  }
  if (view.spec.type == manifest::ServiceType::kHostfs) {
    if (!steps.empty()) {
      steps.push_back({"verify", view.spec.name, "hostfs: only a boot uses it"});
    }
    return steps;
  }
  for (const std::string& label : view.new_volumes) {
    steps.push_back({"volume", label, "made for " + view.spec.name});
  }
  if (change.start || change.mount) {
    steps.push_back({"verify", view.spec.name, view.image_ref});
    steps.push_back({"mount",
                     view.spec.name,
                     std::to_string(view.spec.image.layers.size()) + " verified layers"});
  }
  if (change.start && view.spec.type == manifest::ServiceType::kContainer) {
    steps.push_back(
        {view.facts.running() ? "restart" : "start", view.spec.name, start_reason(view)});
  }
  return steps;
}

}  // namespace mosb::agent
