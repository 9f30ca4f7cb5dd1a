#include <algorithm>
#include <csignal>
#include <set>
#include <utility>

#include <net/if.h>

#include "mosb/agent/service_runtime.h"
#include "mosb/agent/suspects.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_plan.h"
#include "verity/mount_table.h"
#include "verity/server_probe.h"
#include "verity/volume.h"

namespace mosb::agent {

namespace {

/// What a killed service has to end before somebody looks whether its readers hang.
constexpr std::chrono::seconds kFirstLook{2};

}  // namespace

/// A service on its way out.
struct ServiceRuntime::Leaving {
  std::string name;
  ServiceRecord how;
  /// Where the image stays mounted; "" if nowhere.
  std::string kept_target;
  Deadline deadline = Deadline::in(std::chrono::milliseconds(0));
};

ServiceRuntime::Leaving ServiceRuntime::leaving(const std::string& name,
                                                const ServiceSpec* keep) const {
  const auto record = read_service_record(paths_, name);
  Leaving service{name, record && *record ? **record : ServiceRecord(), ""};
  // What a run wrote into its root file system goes with it, even if the same spec starts again.
  const bool written = keep != nullptr && service.how.fingerprint == keep->fingerprint &&
                       keep->image.write == verity::ImageMount::Write::kTmpfs;
  if (keep != nullptr && !written) {
    service.kept_target = keep->image.target;
  }
  return service;
}

Status ServiceRuntime::ask_to_stop(Leaving& service) const {
  service.deadline = Deadline::in(service.how.stop_timeout);
  return lxc::ask_to_stop(container_id(service.name), service.how.stop_signal);
}

Status ServiceRuntime::finish_container(const Leaving& service) const {
  Status stopped = lxc::finish_stop(container_id(service.name), service.deadline, kFirstLook);
  if (stopped || stopped.error().code() != Errc::kBusy) {
    return stopped;
  }
  // A process that hangs in a read of a stuck server is deaf to SIGKILL until the server ends.
  (void)MOSB_TRY(verity::end_stuck_servers(MOSB_TRY(mount_environment()), verity::kAnswerTimeout));
  return lxc::finish_stop(container_id(service.name), Deadline::in(std::chrono::milliseconds(0)));
}

Status ServiceRuntime::disconnect(const std::vector<Leaving>& services) const {
  // A device goes with its service's network namespace, but only some time later.
  std::vector<std::string> there;
  for (const Leaving& service : services) {
    if (::if_nametoindex(net::device_name(instance_, service.name).c_str()) != 0) {
      there.push_back(service.name);
    }
  }
  if (there.empty()) {
    return ok();
  }
  net::LibNetlink netlink;
  return net::disconnect({instance_, {}, {}}, there, netlink);
}

Status ServiceRuntime::release_mounts(const std::vector<Leaving>& services) const {
  std::map<std::string, std::string> kept;
  for (const Leaving& service : services) {
    kept[service.name] = service.kept_target;
  }
  const auto goes = [&](const std::string& name, const std::string& target) {
    const auto it = kept.find(name);
    return it != kept.end() && target != it->second;
  };
  std::vector<std::string> images;
  for (const verity::MountState& mount :
       MOSB_TRY(verity::list_mounts(MOSB_TRY(mount_environment())))) {
    if (goes(service_of_mount(paths_, mount.target), mount.target)) {
      MOSB_CHECK(mark_suspects(paths_, mount));
      images.push_back(mount.target);
    }
  }
  if (!images.empty()) {
    MOSB_CHECK(verity::unmount_images(images, MOSB_TRY(mount_environment())));
  }
  // Volumes, and images of which no record is left.
  const verity::MountTable table = MOSB_TRY(verity::MountTable::read());
  for (const verity::MountEntry& mount : table.entries()) {
    if (goes(service_of_mount(paths_, mount.mount_point), mount.mount_point)) {
      MOSB_CHECK(verity::umount_target(mount.mount_point));
    }
  }
  return ok();
}

Status ServiceRuntime::remove_traces(const Leaving& service) const {
  MOSB_CHECK(remove_tree(paths_.service_run(service.name) + "/volumes"));
  MOSB_CHECK(remove_tree(paths_.container_run(service.name)));
  MOSB_CHECK(sys::unlink(paths_.service_run(service.name) + "/record.json"));
  if (service.kept_target.empty()) {
    MOSB_CHECK(sys::rmdir(file_system_path(paths_, service.name)));
    MOSB_CHECK(remove_tree(paths_.service_run(service.name)));
  }
  return ok();
}

Status ServiceRuntime::finish(const std::vector<Leaving>& services) const {
  Status first = ok();
  const auto keep = [&first](Status status) {
    if (!status && first) {
      first = std::move(status);
    }
  };
  std::vector<Leaving> ended;
  for (const Leaving& service : services) {
    Status finished = finish_container(service).context("stop " + quote(service.name));
    if (finished) {
      ended.push_back(service);
    }
    keep(std::move(finished));
  }
  keep(disconnect(ended));
  const Status released = release_mounts(ended);
  for (const Leaving& service : ended) {
    // One whose files somebody holds on to keeps only its own.
    Status own = released ? ok() : release_mounts({service});
    if (own) {
      own = remove_traces(service);
    }
    keep(std::move(own).context("stop " + quote(service.name)));
  }
  return first;
}

Status ServiceRuntime::stop(const std::string& name, const ServiceSpec* keep) const {
  Leaving service = leaving(name, keep);
  MOSB_CHECK(ask_to_stop(service).context("stop " + quote(name)));
  return finish({service});
}

Status ServiceRuntime::stop_all(const std::vector<std::string>& names) const {
  std::vector<Leaving> services;
  for (const std::string& name : names) {
    services.push_back(leaving(name, nullptr));
    // One that cannot be asked is killed when its time is over.
    (void)ask_to_stop(services.back());
  }
  return finish(services);
}

}  // namespace mosb::agent
