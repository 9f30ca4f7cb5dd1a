#pragma once

#include <string>

#include "mosb/agent/paths.h"
#include "provider-kvm/runtime_files.h"

namespace mosb::agent {

/// Where a virtual machine of an instance keeps things.
class MachinePaths {
 public:
  MachinePaths(const Paths& paths, const std::string& name);

  /// Where every machine of the instance has its folder.
  static std::string all(const Paths& paths);

  /// Of this machine alone: what outlives a reboot.
  const std::string& dir() const { return dir_; }
  std::string definition() const { return dir_ + "/machine.yaml"; }
  std::string uefi_vars() const { return dir_ + "/uefi-vars.fd"; }
  /// Variables that were made without keys must not become those of Secure Boot.
  std::string secure_uefi_vars() const { return dir_ + "/uefi-vars-secure.fd"; }
  /// There from a run's start until its end is on record: what runs leave in /run is gone after a
  /// reboot of the host.
  std::string started() const { return dir_ + "/started"; }
  std::string tpm() const { return dir_ + "/tpm"; }
  std::string cloud_init() const { return dir_ + "/cloud-init.img"; }
  /// A disk that the definition names without a folder, or that is a copy of one elsewhere.
  std::string disk(const std::string& file_name) const { return dir_ + "/disks/" + file_name; }

  /// What one run needs. The folder is <root>/run/mosb/machines/NAME; where that is too long for
  /// the address of a socket, one below /run/mosb/m whose name stands for it.
  kvm::RuntimeFiles runtime() const { return {run_dir_, log_}; }

 private:
  std::string dir_;
  std::string run_dir_;
  std::string log_;
};

}  // namespace mosb::agent
