#include "mosb/agent/switch_over.h"

#include <algorithm>

#include "mosb/agent/layer_damage.h"
#include "mosb/agent/layer_mend.h"
#include "mosb/agent/readiness.h"
#include "mosb/agent/suspects.h"
#include "mosb/agent/volumes.h"
#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

const ServiceFacts& facts_of(const std::map<std::string, ServiceFacts>& all,
                             const std::string& name) {
  static const ServiceFacts none;
  const auto it = all.find(name);
  return it == all.end() ? none : it->second;
}

/// Fills in which volumes are new.
Status look_at_volumes(const DesiredService& service, const Paths& paths, ServiceView& view) {
  for (const VolumeBind& bind : service.spec.volumes) {
    MOSB_CHECK(check_volume(paths, bind).context("service " + quote(service.name())));
    if (!path_exists(paths.volumes() + "/" + bind.label)) {
      view.new_volumes.push_back(bind.label);
    }
  }
  return ok();
}

}  // namespace

Status SwitchOver::look(const std::vector<DesiredService>& desired, const Paths& paths) {
  paths_ = &paths;
  facts_ = MOSB_TRY(runtime_.observe_all());
  for (const DesiredService& service : desired) {
    const oci::PullPlan pull = oci::plan_pull(service.manifest, store_);
    const bool mounted = pull.missing.empty() && MOSB_TRY(runtime_.is_mounted(service.spec));
    ServiceView view{.spec = service.spec,
                     .facts = facts_of(facts_, service.name()),
                     .mounted = mounted,
                     .missing_layers = pull.missing.size(),
                     .missing_bytes = pull.bytes,
                     .new_volumes = {},
                     .image_ref = service.applied.image.ref};
    Item item{&service, std::move(view), {}, {}};
    if (service.source != nullptr) {
      item.damaged =
          damaged_layers(paths, service.manifest, service.spec.image.layers, facts_, store_);
    }
    item.view.damaged_layers = item.damaged.size();
    MOSB_CHECK(look_at_volumes(service, paths, item.view));
    item.change = change_for(item.view);
    items_.push_back(std::move(item));
  }
  return ok();
}

std::vector<Step> SwitchOver::steps(const std::vector<std::string>& removed) const {
  std::vector<Step> steps;
  for (const Item& item : items_) {
    const std::vector<Step> more = steps_for(item.view);
    steps.insert(steps.end(), more.begin(), more.end());
  }
  for (const std::string& name : removed) {
    steps.push_back({"remove", name, "not in the manifest"});
  }
  return steps;
}

void SwitchOver::announce(const Step& step) const {
  if (options_.on_step) {
    options_.on_step(step);
  }
}

Result<std::vector<oci::Descriptor>> SwitchOver::mend(const Item& item,
                                                      const std::vector<oci::Descriptor>& damaged) {
  if (damaged.empty()) {
    return damaged;
  }
  announce({"pull", item.service->applied.image.ref, "bad blocks"});
  return mend_layers(*paths_, *item.service->source, damaged, item.service->spec.image.layers);
}

Status SwitchOver::fetch(const Item& item, std::set<Digest>& fetched) {
  // Looked at again: a service before it may have brought layers that both have.
  oci::PullPlan pull = oci::plan_pull(item.service->manifest, store_);
  std::vector<oci::Descriptor> damaged;
  for (const oci::Descriptor& layer : item.damaged) {
    if (fetched.insert(layer.digest).second) {
      damaged.push_back(layer);
    }
  }
  for (const oci::Descriptor& layer : MOSB_TRY(mend(item, damaged))) {
    pull.missing.push_back(layer);
    pull.bytes.value += layer.size;
  }
  if (pull.missing.empty()) {
    return ok();
  }
  if (item.service->source == nullptr) {
    return Error(Errc::kContent,
                 "service " + quote(item.service->name()) + ": " +
                     layer_fault(pull.missing.front(), store_))
        .with_hint("apply the manifest again to fetch it");
  }
  announce({"pull", item.service->applied.image.ref, ""});
  // A damaged one is replaced when the new one is whole: until then its good blocks can be read.
  MOSB_CHECK(oci::pull_layers(*item.service->source, pull, store_, options_.progress)
                 .context("fetch image " + quote(item.service->applied.image.ref)));
  for (const oci::Descriptor& layer : pull.missing) {
    fetched.insert(layer.digest);
    MOSB_CHECK(clear_suspect(*paths_, layer.digest));
  }
  return ok();
}

Status SwitchOver::prepare() {
  std::set<Digest> fetched;
  for (const Item& item : items_) {
    MOSB_CHECK(fetch(item, fetched));
  }
  return mount_all();
}

Status SwitchOver::mount_all() {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    if (!item.change.mount) {
      continue;
    }
    announce({"mount", item.service->name(), ""});
    Status mounted = runtime_.prepare(item.service->spec);
    if (!mounted) {
      discard_all(i);
      return std::move(mounted).context("service " + quote(item.service->name()));
    }
  }
  return ok();
}

void SwitchOver::discard_all(std::size_t prepared) {
  for (std::size_t i = 0; i < prepared; ++i) {
    const Item& item = items_[i];
    if (item.change.start) {
      const Status discarded = runtime_.discard(item.service->spec);
      if (!discarded) {
        log::warn(discarded.error().message());
      }
    }
  }
}

Status SwitchOver::start(const ServiceSpec& spec) const {
  MOSB_CHECK(runtime_.start(spec, options_.wait));
  if (spec.awaited.empty() || !spec.network) {
    return ok();
  }
  return await_ready(spec.name,
                     spec.awaited,
                     spec.network->port.ipv4,
                     options_.wait,
                     [&]() -> Result<std::optional<pid_t>> {
                       return MOSB_TRY(lxc::observe(runtime_.container_id(spec.name))).init_pid;
                     });
}

Status SwitchOver::switch_all(std::vector<std::string>& touched) {
  Status first = ok();
  for (const Item& item : items_) {
    if (!item.change.start) {
      continue;
    }
    const std::string& name = item.service->name();
    touched.push_back(name);
    announce({facts_of(facts_, name).running() ? "restart" : "start", name, ""});
    Status started = ok();
    if (item.change.stop) {
      started = runtime_.stop(name, &item.service->spec);
    }
    if (started) {
      started = start(item.service->spec);
    }
    if (!started) {
      started = std::move(started).context("service " + quote(name));
      if (!options_.keep_going) {
        return started;
      }
      if (first) {
        first = std::move(started);
      } else {
        log::warn(started.error().message());
      }
    }
  }
  return first;
}

Status SwitchOver::execute(const std::vector<std::string>& removed,
                           const NetworkSwitch& network,
                           const FindPrevious& previous) {
  std::vector<std::string> touched;
  for (const std::string& name : removed) {
    touched.push_back(name);
    announce({"remove", name, ""});
  }
  Status switched = runtime_.stop_all(removed);
  if (switched) {
    switched = network.forward();
  }
  const bool reached = switched.has_value();
  if (reached) {
    switched = switch_all(touched);
  }
  if (switched || (reached && options_.keep_going)) {
    return switched;
  }
  const Status back = put_back(touched, network, previous);
  if (!back) {
    log::warn("what ran before could not be put back: " + back.error().message());
  }
  return switched;
}

Status SwitchOver::put_back(const std::vector<std::string>& touched,
                            const NetworkSwitch& network,
                            const FindPrevious& previous) {
  Status first = ok();
  const auto keep = [&first](Status status) {
    if (!status && first) {
      first = std::move(status);
    }
  };
  keep(runtime_.stop_all(touched));
  // Services that were prepared but whose turn never came.
  for (const Item& item : items_) {
    const bool reached =
        std::find(touched.begin(), touched.end(), item.service->name()) != touched.end();
    if (item.change.start && !reached) {
      keep(runtime_.discard(item.service->spec));
    }
  }
  // Those that were not touched run on, with the network that they have.
  const auto running = runtime_.observe_all();
  keep(running ? network.back(*running) : Status(running.error()));
  for (const std::string& name : touched) {
    if (!facts_of(facts_, name).running() && facts_of(facts_, name).mounts.empty()) {
      continue;
    }
    auto old = previous(name);
    if (!old) {
      keep(std::move(old).error());
      continue;
    }
    if (*old) {
      announce({"start", name, "put back"});
      Status started = runtime_.prepare((*old)->spec);
      if (started) {
        started = start((*old)->spec);
      }
      keep(std::move(started));
    }
  }
  return first;
}

}  // namespace mosb::agent
