#include "lxc/config_items.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "lxc/init_protocol.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr auto kKeys = std::to_array<std::string_view>({
    "lxc.apparmor.profile",
    "lxc.autodev",
    "lxc.cap.keep",
    "lxc.cgroup.devices.allow",
    "lxc.cgroup.devices.deny",
    "lxc.cgroup.dir.container",
    "lxc.cgroup.dir.monitor",
    "lxc.cgroup.dir.monitor.pivot",
    "lxc.cgroup2.devices.allow",
    "lxc.cgroup2.devices.deny",
    "lxc.console.path",
    "lxc.idmap",
    "lxc.keyring.session",
    "lxc.log.file",
    "lxc.log.level",
    "lxc.monitor.signal.pdeath",
    "lxc.mount.auto",
    "lxc.mount.entry",
    "lxc.namespace.share.net",
    "lxc.net.0.flags",
    "lxc.net.0.type",
    "lxc.no_new_privs",
    "lxc.pty.max",
    "lxc.rootfs.mount",
    "lxc.rootfs.path",
    "lxc.tty.max",
    "lxc.uts.name",
});

/// null, zero, full, random, urandom, tty, ptmx, pseudo-terminals.
constexpr auto kDevices = std::to_array<std::string_view>({"c 1:3 rwm",
                                                           "c 1:5 rwm",
                                                           "c 1:7 rwm",
                                                           "c 1:8 rwm",
                                                           "c 1:9 rwm",
                                                           "c 5:0 rwm",
                                                           "c 5:2 rwm",
                                                           "c 136:* rwm"});

constexpr const char* kCapabilities =
    "chown dac_override fowner fsetid kill net_bind_service setgid setuid setpcap";
constexpr ByteCount kDefaultTmpfs{64 * kMiB};

/// A field of an fstab line: what separates and escapes there becomes octal.
std::string fstab_field(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ') {
      out += "\\040";
    } else if (c == '\\') {
      out += "\\134";
    } else {
      out += c;
    }
  }
  return out;
}

class Items {
 public:
  void add(std::string_view key, std::string value) {
    items_.push_back({std::string(key), std::move(value)});
  }
  /// `dest` absolute in the container.
  void mount(const std::string& source,
             const std::string& dest,
             const std::string& type,
             const std::string& options) {
    add("lxc.mount.entry",
        fstab_field(source) + " " + fstab_field(dest.substr(1)) + " " + type + " " + options +
            " 0 0");
  }
  /// Covers part of the container's own /proc with itself, restricted.
  void restrict_own(const std::string& path, const std::string& options) {
    mount(kPrivateMountPoint + path, path, "none", "bind," + options);
  }
  std::vector<ConfigItem> take() && { return std::move(items_); }

 private:
  std::vector<ConfigItem> items_;
};

void add_identity(const ContainerSpec& spec, const ConfigHost& host, Items& items) {
  items.add("lxc.log.file", kPrivateLog);
  items.add("lxc.log.level", "ERROR");
  items.add("lxc.uts.name", spec.hostname);
  items.add("lxc.rootfs.mount", kPrivateMountPoint);
  items.add("lxc.rootfs.path", std::string("dir:") + kPrivateRootfs);
  if (spec.idmap) {
    const std::string range =
        " 0 " + std::to_string(spec.idmap->host_base) + " " + std::to_string(spec.idmap->count);
    items.add("lxc.idmap", "u" + range);
    items.add("lxc.idmap", "g" + range);
  }
  if (spec.network == Network::kHost) {
    items.add("lxc.namespace.share.net", host.host_network);
  } else {
    items.add("lxc.net.0.type", "empty");
    items.add("lxc.net.0.flags", "up");
  }
  items.add("lxc.cgroup.dir.monitor", monitor_cgroup(spec.instance, spec.name) + "/lxc");
  items.add("lxc.cgroup.dir.monitor.pivot", monitor_cgroup(spec.instance, spec.name));
  items.add("lxc.cgroup.dir.container", payload_cgroup(spec.instance, spec.name));
}

void add_confinement(const ConfigHost& host, Items& items) {
  items.add("lxc.cap.keep", kCapabilities);
  items.add("lxc.no_new_privs", "1");
  if (!host.apparmor_profile.empty()) {
    items.add("lxc.apparmor.profile", host.apparmor_profile);
  }
  items.add("lxc.keyring.session", "1");
  items.add("lxc.monitor.signal.pdeath", "SIGKILL");
  for (const char* version : {"lxc.cgroup.devices.", "lxc.cgroup2.devices."}) {
    items.add(std::string(version) + "deny", "a");
    for (const std::string_view device : kDevices) {
      items.add(std::string(version) + "allow", std::string(device));
    }
  }
}

void add_kernel_mounts(const ContainerSpec& spec, const ConfigHost& host, Items& items) {
  items.add("lxc.autodev", "1");
  items.add("lxc.pty.max", "64");
  items.add("lxc.tty.max", "0");
  items.add("lxc.console.path", "none");
  items.add("lxc.mount.auto", "proc:mixed cgroup:ro:force");
  const std::string sys_options = "ro,nosuid,nodev,noexec";
  if (spec.network == Network::kHost) {
    // A new sysfs shows the network namespace's devices: only its owner may mount one.
    items.mount(kPrivateHostSys, "/sys", "none", "bind," + sys_options);
  } else {
    items.mount("sysfs", "/sys", "sysfs", sys_options);
  }
  // Over the one that liblxc made, which takes no options; it fills this one then.
  items.mount("tmpfs", "/dev", "tmpfs", "nosuid,nodev,noexec,mode=0755,size=500k");
  items.mount(kPrivateInit, kInitPath, "none", "bind,ro,nosuid,nodev,create=file");
  items.mount("tmpfs", "/dev/shm", "tmpfs", "nosuid,nodev,noexec,mode=1777,size=64m,create=dir");
  items.mount("mqueue", "/dev/mqueue", "mqueue", "nosuid,nodev,noexec,create=dir");
  for (const std::string& path : host.read_only) {
    items.restrict_own(path, "ro,nosuid,nodev,noexec");
  }
  for (const MaskedPath& masked : host.masked) {
    if (masked.directory) {
      items.mount("tmpfs", masked.path, "tmpfs", sys_options + ",size=4k,mode=0555");
    } else {
      items.mount("/dev/null", masked.path, "none", "bind");
    }
  }
}

void add_service_mounts(const ContainerSpec& spec, const ConfigHost& host, Items& items) {
  const std::uint64_t size =
      spec.limits.memory ? spec.limits.memory->value / 10 : kDefaultTmpfs.value;
  for (const std::string& dir : host.tmpfs) {
    items.mount("tmpfs",
                dir,
                "tmpfs",
                std::string("nosuid,nodev,noexec,size=") + std::to_string(size) +
                    (dir == "/tmp" ? ",mode=1777" : ",mode=0755"));
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    order.push_back(i);
  }
  // Outer destinations before those below them.
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return spec.mounts[a].dest < spec.mounts[b].dest;
  });
  for (const std::size_t i : order) {
    items.mount(std::string(kPrivateVolumes) + "/" + std::to_string(i),
                spec.mounts[i].dest,
                "none",
                std::string("bind,nosuid,nodev") + (spec.mounts[i].readonly ? ",ro" : ""));
  }
  const std::vector<FileBind> files = bound_files(spec);
  for (std::size_t i = 0; i < files.size(); ++i) {
    items.mount(std::string(kPrivateFiles) + "/" + std::to_string(i),
                files[i].dest,
                "none",
                "bind,ro,nosuid,nodev,noexec");
  }
}

}  // namespace

std::string service_cgroup(const std::string& instance, const std::string& name) {
  return "mosb-" + instance + "/services/" + name;
}

std::string payload_cgroup(const std::string& instance, const std::string& name) {
  return service_cgroup(instance, name) + "/payload";
}

std::string monitor_cgroup(const std::string& instance, const std::string& name) {
  return "mosb-" + instance + "/monitors/" + name;
}

Result<std::vector<ConfigItem>> config_items(const ContainerSpec& spec, const ConfigHost& host) {
  Items items;
  add_identity(spec, host, items);
  add_confinement(host, items);
  add_kernel_mounts(spec, host, items);
  add_service_mounts(spec, host, items);
  std::vector<ConfigItem> list = std::move(items).take();
  MOSB_CHECK(check_items(list));
  return list;
}

Status check_items(const std::vector<ConfigItem>& items) {
  for (const ConfigItem& item : items) {
    if (std::find(kKeys.begin(), kKeys.end(), item.key) == kKeys.end()) {
      return Error(Errc::kRuntime, "LXC key " + quote(item.key) + " is not one that mosb sets");
    }
    if (item.value.empty() || !is_printable_line(item.value)) {
      return Error(Errc::kRuntime,
                   "value " + quote(item.value) + " of " + item.key + " is not one printable line");
    }
  }
  return ok();
}

}  // namespace mosb::lxc
