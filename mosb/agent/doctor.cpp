#include "mosb/agent/doctor.h"

#include <algorithm>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mosb/agent/paths.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/user_namespace.h"
#include "verity/loop_device.h"
#include "verity/mounted_image.h"
#include "verity/verity_device.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxText{1 * kMiB};

bool is_host_root() {
  const auto in_host_namespace = is_in_host_user_namespace();
  return ::geteuid() == 0 && in_host_namespace && *in_host_namespace;
}

Capability kernel() {
  struct utsname name {};
  (void)::uname(&name);
  return {"kernel",
          CapabilityStatus::kOk,
          std::string(static_cast<const char*>(name.release)) + " " +
              static_cast<const char*>(name.machine)};
}

Capability device(const std::string& name, const std::string& path) {
  const auto fd = sys::open(path, O_RDWR);
  if (!fd) {
    return {name, CapabilityStatus::kMissing, fd.error().message()};
  }
  return {name, CapabilityStatus::kOk, path};
}

Capability free_loop() {
  const auto control = sys::open("/dev/loop-control", O_RDWR);
  if (!control) {
    return {"loop devices",
            CapabilityStatus::kDegraded,
            "servers show the layers, which is slower, and none of erofs: " +
                control.error().message()};
  }
  const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
  if (number < 0) {
    return {"loop devices", CapabilityStatus::kMissing, "none is free"};
  }
  return {"loop devices", CapabilityStatus::kOk, "/dev/loop" + std::to_string(number) + " is free"};
}

Capability file_system(const std::string& name) {
  const auto list = read_kernel_file("/proc/filesystems", kMaxText);
  const bool there = list && list->find("\t" + name + "\n") != std::string::npos;
  return {name,
          there ? CapabilityStatus::kOk : CapabilityStatus::kMissing,
          there ? "in the kernel" : "not in /proc/filesystems; load its module"};
}

Capability verifier() {
  if (!is_host_root() || !verity::loop_obstacle().empty()) {
    return {
        "verified mounts", CapabilityStatus::kDegraded, "servers show the layers, which is slower"};
  }
  const auto reason = verity::idmap_obstacle(Filesystem::kSquashfs);
  if (!reason) {
    return {"verified mounts", CapabilityStatus::kMissing, reason.error().message()};
  }
  if (reason->empty()) {
    return {"verified mounts", CapabilityStatus::kOk, "the kernel's squashfs shows the layers"};
  }
  return {"verified mounts",
          CapabilityStatus::kDegraded,
          "a server shifts the uids of layers, which is slower: " + *reason};
}

Capability erofs() {
  const auto obstacle = verity::idmap_obstacle(Filesystem::kErofs);
  if (!obstacle) {
    return {"erofs",
            CapabilityStatus::kDegraded,
            "images with erofs layers are refused: " + obstacle.error().message()};
  }
  if (obstacle->empty()) {
    return {"erofs", CapabilityStatus::kOk, "the kernel's erofs shows the layers"};
  }
  return {
      "erofs", CapabilityStatus::kDegraded, "services with erofs layers are refused: " + *obstacle};
}

Capability dm_verity() {
  const std::string obstacle = verity::verity_obstacle();
  if (obstacle.empty() && verity::requires_signed_root_hashes()) {
    return {"dm-verity",
            CapabilityStatus::kOk,
            "in the kernel, which demands signed root hashes (dm_verity.require_signatures=1): "
            "images without them are refused but with the verifier fuse"};
  }
  const std::string signatures = verity::checks_signed_root_hashes()
                                     ? "in the kernel, which can check signed root hashes"
                                     : "in the kernel, which can't check signed root hashes";
  return obstacle.empty() ? Capability{"dm-verity", CapabilityStatus::kOk, signatures}
                          : Capability{"dm-verity",
                                       CapabilityStatus::kMissing,
                                       obstacle + "; the fuse verifier checks every block as well"};
}

Capability cgroups() {
  const auto text = read_kernel_file("/proc/self/mountinfo", kMaxText);
  const auto hierarchies = text ? parse_cgroup_mounts(*text) : std::vector<CgroupHierarchy>();
  std::vector<std::string> controllers;
  bool v1 = false;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    v1 = v1 || (!hierarchy.v2 && !hierarchy.controllers.empty());
    controllers.insert(
        controllers.end(), hierarchy.controllers.begin(), hierarchy.controllers.end());
  }
  std::string missing;
  for (const char* wanted : {"memory", "pids", "cpu"}) {
    if (std::find(controllers.begin(), controllers.end(), wanted) == controllers.end()) {
      missing += missing.empty() ? wanted : std::string(", ") + wanted;
    }
  }
  if (!missing.empty()) {
    return {"cgroup limits", CapabilityStatus::kDegraded, "no controller for " + missing};
  }
  return {"cgroup limits", CapabilityStatus::kOk, v1 ? "cgroup version 1" : "cgroup version 2"};
}

Capability apparmor() {
  const auto enabled = read_kernel_file("/sys/module/apparmor/parameters/enabled", kMaxText);
  if (!enabled || !enabled->starts_with("Y")) {
    return {"AppArmor", CapabilityStatus::kDegraded, "not enabled; services run without a profile"};
  }
  return {"AppArmor", CapabilityStatus::kOk, "enabled"};
}

Capability user_namespaces() {
  const auto most = read_kernel_file("/proc/sys/user/max_user_namespaces", kMaxText);
  if (!most || most->starts_with("0\n")) {
    return {"user namespaces", CapabilityStatus::kMissing, "user.max_user_namespaces is 0"};
  }
  return {"user namespaces", CapabilityStatus::kOk, "available"};
}

Capability root_privilege() {
  if (::geteuid() != 0) {
    return {"root", CapabilityStatus::kMissing, "not running as root"};
  }
  return is_host_root() ? Capability{"root", CapabilityStatus::kOk, "running as root"}
                        : Capability{"root",
                                     CapabilityStatus::kDegraded,
                                     "root of a user namespace: images can be mounted, services "
                                     "cannot run"};
}

Capability helpers() {
  const std::string dir = libexec_dir();
  for (const char* name : {"mosb-run", "mosb-init", "mosb-layer-server", "mosb-squashfs-server"}) {
    if (!path_exists(dir + "/" + name)) {
      return {"mosb's programs", CapabilityStatus::kMissing, dir + "/" + name + " is not there"};
    }
  }
  return {"mosb's programs", CapabilityStatus::kOk, dir};
}

}  // namespace

const char* capability_status_name(CapabilityStatus status) {
  switch (status) {
    case CapabilityStatus::kOk:
      return "ok";
    case CapabilityStatus::kDegraded:
      return "degraded";
    case CapabilityStatus::kMissing:
      return "missing";
  }
  return "missing";
}

std::vector<Capability> examine_host() {
  return {kernel(),
          root_privilege(),
          helpers(),
          device("FUSE", "/dev/fuse"),
          free_loop(),
          file_system("squashfs"),
          file_system("overlay"),
          verifier(),
          erofs(),
          dm_verity(),
          user_namespaces(),
          cgroups(),
          apparmor()};
}

}  // namespace mosb::agent
