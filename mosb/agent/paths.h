#pragma once

#include <string>
#include <utility>

namespace mosb::agent {

/// Where an instance keeps things; every path lies below its root (interface: files).
class Paths {
 public:
  /// `root` is absolute without a slash at the end; "" stands for "/".
  explicit Paths(std::string root) : root_(std::move(root)) {}

  std::string config_file() const { return root_ + "/etc/mosb/mosb.yaml"; }
  std::string lib() const { return root_ + "/var/lib/mosb"; }
  std::string store() const { return lib() + "/store"; }
  std::string state() const { return lib() + "/state"; }
  std::string volumes() const { return lib() + "/volumes"; }
  std::string log() const { return root_ + "/var/log/mosb"; }
  std::string run() const { return root_ + "/run/mosb"; }
  std::string lock() const { return run() + "/lock"; }
  std::string file_systems() const { return run() + "/fs"; }
  std::string services() const { return run() + "/services"; }
  /// What this boot knows of a service; gone after a reboot.
  std::string service_run(const std::string& name) const { return services() + "/" + name; }
  /// What a service at the bridge finds names by; bound into it.
  std::string name_files(const std::string& name) const { return service_run(name) + "/etc"; }
  std::string containers() const { return run() + "/containers"; }
  std::string container_run(const std::string& name) const { return containers() + "/" + name; }
  /// What of a service outlives a reboot: the record of its last exit.
  std::string service_state(const std::string& name) const { return state() + "/services/" + name; }
  /// Layers that gave bad blocks: a mark each, until all of the layer was read and found good.
  std::string suspects() const { return state() + "/suspects"; }
  /// What scans found in layers: a record each, which is only a cache.
  std::string layer_scans() const { return state() + "/scans"; }
  std::string service_log(const std::string& name) const { return log() + "/" + name + ".log"; }

 private:
  std::string root_;
};

/// The folder of the programs that mosb starts (mosb-run, mosb-init, the layer servers): beside
/// mosb itself in a build tree, else the installed one.
std::string libexec_dir();

}  // namespace mosb::agent
