#include "mosb/agent/service_runtime.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <net/if.h>

#include "lxc/user.h"
#include "mosb/agent/suspects.h"
#include "mosb/agent/volumes.h"
#include "mosb/base/file.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/user_namespace.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_plan.h"
#include "verity/mount_namespace.h"
#include "verity/mount_table.h"
#include "verity/server_probe.h"
#include "verity/volume.h"

namespace mosb::agent {

namespace {

constexpr std::uint32_t kAllIds = 0xfffffffe;

}  // namespace

std::string service_of_mount(const Paths& paths, const std::string& target) {
  for (const std::string& dir : {paths.services(), paths.file_systems()}) {
    if (target.starts_with(dir + "/")) {
      const std::string rest = target.substr(dir.size() + 1);
      return rest.substr(0, rest.find('/'));
    }
  }
  return "";
}

void add_home(std::vector<std::string>& env, const std::string& home) {
  const bool set = std::any_of(
      env.begin(), env.end(), [](const std::string& e) { return e.starts_with("HOME="); });
  if (!set) {
    env.push_back("HOME=" + home);
  }
}

ServiceRuntime::ServiceRuntime(const Paths& paths,
                               std::string instance,
                               verity::Verifier verifier,
                               const LayerPolicy& policy)
    : paths_(paths),
      instance_(std::move(instance)),
      verifier_(verifier),
      signatures_(policy.root_hash_signatures),
      scans_(std::make_shared<LayerScans>(paths, policy)) {}

lxc::ContainerId ServiceRuntime::container_id(const std::string& name) const {
  return {name, instance_, paths_.container_run(name), paths_.service_state(name)};
}

lxc::RuntimeEnvironment ServiceRuntime::runtime_environment() const {
  lxc::RuntimeEnvironment environment;
  environment.libexec_dir = libexec_dir();
  return environment;
}

Result<verity::MountEnvironment> ServiceRuntime::mount_environment() const {
  verity::MountEnvironment environment;
  const std::string name = MOSB_TRY(verity::mount_namespace_name(paths_.run()));
  environment.run_dir = paths_.run() + (name.empty() ? "" : "/" + name);
  environment.cgroup_suffix = name.empty() ? "" : "-" + name;
  environment.in_user_namespace = !MOSB_TRY(is_in_host_user_namespace());
  environment.libexec_dir = libexec_dir();
  environment.instance = instance_;
  environment.verifier = verifier_;
  environment.signatures = signatures_;
  return environment;
}

Result<std::map<std::string, ServiceFacts>> ServiceRuntime::observe_all() const {
  std::map<std::string, ServiceFacts> all;
  if (instance_.empty()) {
    return all;
  }
  for (const std::string& name : MOSB_TRY(recorded_services(paths_))) {
    ServiceFacts& facts = all[name];
    facts.leftovers = true;
    facts.record = MOSB_TRY(read_service_record(paths_, name));
    facts.container = MOSB_TRY(lxc::observe(container_id(name)));
  }
  for (verity::MountState& mount : MOSB_TRY(verity::list_mounts(MOSB_TRY(mount_environment())))) {
    const std::string name = service_of_mount(paths_, mount.target);
    if (!name.empty()) {
      all[name].leftovers = true;
      all[name].mounts.push_back(std::move(mount));
    }
  }
  return all;
}

Result<ServiceFacts> ServiceRuntime::observe(const std::string& name) const {
  std::map<std::string, ServiceFacts> all = MOSB_TRY(observe_all());
  const auto it = all.find(name);
  if (it == all.end()) {
    ServiceFacts none;
    if (!instance_.empty()) {
      none.container = MOSB_TRY(lxc::observe(container_id(name)));
    }
    return none;
  }
  return std::move(it->second);
}

Result<bool> ServiceRuntime::is_mounted(const ServiceSpec& spec) const {
  if (spec.type == manifest::ServiceType::kHostfs) {
    return true;
  }
  verity::ImageMount image = spec.image;
  if (spec.type == manifest::ServiceType::kFsOnly) {
    image.target = file_system_path(paths_, spec.name);
  }
  return verity::is_mounted_as(image, MOSB_TRY(mount_environment()));
}

Status ServiceRuntime::admit_layers(const ServiceSpec& spec) const {
  for (const verity::LayerSource& layer : spec.image.layers) {
    MOSB_CHECK(check_suspect(paths_, layer));
  }
  return scans_->admit(spec.image.layers);
}

Status ServiceRuntime::prepare(const ServiceSpec& spec) const {
  if (spec.type == manifest::ServiceType::kHostfs) {
    return ok();
  }
  for (const VolumeBind& volume : spec.volumes) {
    (void)MOSB_TRY(ensure_volume(paths_, volume));
  }
  MOSB_CHECK(admit_layers(spec));
  MOSB_CHECK(sys::mkdir_all(spec.image.target, 0700));
  MOSB_CHECK(release_unknown(spec.image.target));
  ScopeExit remove_directories([&] { remove_empty_directories(spec); });
  MOSB_CHECK(verity::mount_image(spec.image, MOSB_TRY(mount_environment()))
                 .context("mount the image of " + quote(spec.name)));
  remove_directories.dismiss();
  return ok();
}

Status ServiceRuntime::discard(const ServiceSpec& spec) const {
  MOSB_CHECK(verity::unmount_image(spec.image.target, MOSB_TRY(mount_environment())));
  remove_empty_directories(spec);
  return ok();
}

void ServiceRuntime::remove_empty_directories(const ServiceSpec& spec) const {
  // Fails where something is mounted or a running service keeps its things, as it should.
  (void)sys::rmdir(spec.image.target);
  (void)sys::rmdir(paths_.service_run(spec.name));
}

Status ServiceRuntime::bind_volumes(const ServiceSpec& spec, lxc::ContainerSpec& container) const {
  for (std::size_t i = 0; i < spec.volumes.size(); ++i) {
    const VolumeBind& volume = spec.volumes[i];
    const std::string source = MOSB_TRY(ensure_volume(paths_, volume));
    const std::string target = volume_bind_path(paths_, spec.name, i);
    MOSB_CHECK(sys::mkdir_all(target, 0700));
    MOSB_CHECK(verity::bind_volume(source, target, {spec.image.idmap, volume.readonly})
                   .context("bind volume " + quote(volume.label))
                   .as(Errc::kVolume));
    container.mounts.push_back({target, volume.dest, volume.readonly});
  }
  return ok();
}

Status ServiceRuntime::start(const ServiceSpec& spec, std::chrono::milliseconds timeout) const {
  if (spec.type == manifest::ServiceType::kHostfs) {
    return ok();
  }
  if (spec.type == manifest::ServiceType::kFsOnly) {
    verity::ImageMount image = spec.image;
    image.target = file_system_path(paths_, spec.name);
    MOSB_CHECK(sys::mkdir_all(image.target, 0755));
    MOSB_CHECK(verity::mount_image(image, MOSB_TRY(mount_environment())));
    return discard(spec);
  }
  ScopeExit take_back([&] { (void)stop(spec.name); });
  // Usually mounted by prepare(); not if stop() had to throw away what the last run wrote.
  MOSB_CHECK(prepare(spec));
  lxc::ContainerSpec container = spec.container;
  MOSB_CHECK(bind_volumes(spec, container));
  const lxc::UserIds ids = MOSB_TRY(lxc::resolve_user(
      container.rootfs, spec.user, container.idmap ? container.idmap->count : kAllIds));
  container.process.uid = ids.uid;
  container.process.gid = ids.gid;
  container.process.groups = ids.groups;
  add_home(container.process.env, ids.home);
  MOSB_CHECK(write_service_record(
      paths_,
      spec.name,
      {spec.fingerprint, container.stop_signal, spec.stop_timeout, spec.network.has_value()}));
  MOSB_CHECK(sys::mkdir_all(container.state_dir, 0700));
  MOSB_CHECK(sys::mkdir_all(paths_.containers(), 0700));
  lxc::RuntimeEnvironment environment = runtime_environment();
  environment.start_timeout = timeout;
  if (!spec.network) {
    MOSB_CHECK(lxc::start(container, environment));
  } else {
    MOSB_CHECK(start_connected(container, environment, *spec.network));
  }
  take_back.dismiss();
  return ok();
}

Status ServiceRuntime::start_connected(const lxc::ContainerSpec& container,
                                       const lxc::RuntimeEnvironment& environment,
                                       const ServiceNetwork& network) const {
  MOSB_CHECK(write_name_files(paths_.name_files(container.name), network.files));
  const net::NetworkSpec place{instance_, network.bridge, {network.port}};
  return lxc::start(container, environment, [&](int netns) {
    net::LibNetlink netlink;
    return net::connect(place, network.port, netns, netlink);
  });
}

Status ServiceRuntime::release_unknown(const std::string& target) const {
  const verity::MountTable table = MOSB_TRY(verity::MountTable::read());
  if (table.top_at(target) == nullptr) {
    return ok();
  }
  const auto known = MOSB_TRY(verity::list_mounts(MOSB_TRY(mount_environment())));
  const bool recorded = std::any_of(
      known.begin(), known.end(), [&](const auto& mount) { return mount.target == target; });
  return recorded ? ok() : verity::umount_target(target);
}

Status ServiceRuntime::collect_garbage() const {
  MOSB_CHECK(lxc::collect_garbage(instance_, paths_.containers(), paths_.state() + "/services"));
  return verity::collect_garbage(MOSB_TRY(mount_environment()));
}

}  // namespace mosb::agent
