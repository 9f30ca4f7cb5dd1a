#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mosb/agent/apply.h"
#include "mosb/agent/desired.h"
#include "mosb/agent/reconcile.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/step.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"

namespace mosb::agent {

/// Finds what ran under a name before, ready to be started again; nullopt if nothing did.
using FindPrevious = std::function<Result<std::optional<DesiredService>>(const std::string& name)>;

/// What goes with a switch of services: the network that they shall have, and the one to go back
/// to.
struct NetworkSwitch {
  std::function<Status()> forward;
  /// Takes what runs then.
  std::function<Status(const std::map<std::string, ServiceFacts>&)> back;
};

/// Takes a set of services from what is to what shall be: look, then prepare, then execute.
class SwitchOver {
 public:
  SwitchOver(ServiceRuntime runtime, oci::Store& store, const ApplyOptions& options)
      : runtime_(std::move(runtime)), store_(store), options_(options) {}

  /// Reads the facts. `desired` and `paths` must outlive this.
  Status look(const std::vector<DesiredService>& desired, const Paths& paths);
  const std::map<std::string, ServiceFacts>& facts() const { return facts_; }
  /// What prepare() and execute() will do.
  std::vector<Step> steps(const std::vector<std::string>& removed) const;

  /// Phase 1: fetches layers and mounts images. Nothing that runs is touched; what was mounted is
  /// unmounted again if one of them fails.
  Status prepare();
  /// Phase 2: stops what goes, changes the network, then stops and starts one after the other. If a
  /// service does not start, those switched so far are stopped and what ran before is started
  /// again; with keep_going the others go on. The error is that of the service.
  Status execute(const std::vector<std::string>& removed,
                 const NetworkSwitch& network,
                 const FindPrevious& previous);

 private:
  struct Item {
    const DesiredService* service;
    ServiceView view;
    ServiceChange change;
    /// Layers whose bad blocks are to be put right.
    std::vector<oci::Descriptor> damaged;
  };

  /// Returns those that must be fetched as a whole.
  Result<std::vector<oci::Descriptor>> mend(const Item& item,
                                            const std::vector<oci::Descriptor>& damaged);
  Status fetch(const Item& item, std::set<Digest>& fetched);
  Status mount_all();
  void discard_all(std::size_t prepared);
  Status switch_all(std::vector<std::string>& touched);
  Status start(const ServiceSpec& spec) const;
  Status put_back(const std::vector<std::string>& touched,
                  const NetworkSwitch& network,
                  const FindPrevious& previous);
  void announce(const Step& step) const;

  ServiceRuntime runtime_;
  const Paths* paths_ = nullptr;
  oci::Store& store_;
  const ApplyOptions& options_;
  std::map<std::string, ServiceFacts> facts_;
  std::vector<Item> items_;
};

}  // namespace mosb::agent
