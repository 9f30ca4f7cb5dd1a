#pragma once

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

#include "verity/mount_api.h"

namespace mosb::verity {

/// Passes every call on to the kernel, remembers it, and can fail or kill the process at call N.
class RecordingMountApi final : public MountApi {
 public:
  enum class At {
    /// Call N does nothing and returns EIO.
    kFail,
    /// The process gets SIGKILL before call N.
    kKillBefore,
    /// The process gets SIGKILL when call N has been done.
    kKillAfter,
  };

  /// Each call as a short line, in order: "create squashfs", "attach", …
  const std::vector<std::string>& calls() const { return calls_; }
  /// `step` counts from 1 over all calls made so far and later.
  void trouble_at(std::size_t step, At what) {
    step_ = step;
    what_ = what;
  }

  Result<UniqueFd> create(const FilesystemConfig& config) override {
    return step("create " + config.type, [&] { return kernel_.create(config); });
  }
  Result<UniqueFd> clone(int directory) override {
    return step("clone", [&] { return kernel_.clone(directory); });
  }
  Status set_attributes(int mount, const MountAttributes& attributes) override {
    return step("set_attributes", [&] { return kernel_.set_attributes(mount, attributes); });
  }
  Status attach(int mount, int target) override {
    return step("attach", [&] { return kernel_.attach(mount, target); });
  }
  Status mount_overlay(const OverlayConfig& config) override {
    return step("mount_overlay", [&] { return kernel_.mount_overlay(config); });
  }
  Status unmount(const std::string& path, Unmount how) override {
    return step("unmount", [&] { return kernel_.unmount(path, how); });
  }
  Result<LoopDevice> attach_loop(const LoopSetup& setup) override {
    return step("attach_loop", [&] { return kernel_.attach_loop(setup); });
  }
  Result<LayerServer> start_server(const ServerSetup& setup) override {
    return step("start_server", [&] { return kernel_.start_server(setup); });
  }
  Result<VerityDevice> activate_verity(const VeritySetup& setup) override {
    return step("activate_verity", [&] { return kernel_.activate_verity(setup); });
  }

 private:
  template <class F>
  auto step(const std::string& name, F call) -> decltype(call()) {
    calls_.push_back(name);
    const bool here = calls_.size() == step_;
    if (here && what_ == At::kFail) {
      return Error::sys(name + " (made to fail)", EIO);
    }
    if (here && what_ == At::kKillBefore) {
      ::kill(::getpid(), SIGKILL);
    }
    auto result = call();
    if (here && what_ == At::kKillAfter) {
      ::kill(::getpid(), SIGKILL);
    }
    return result;
  }

  KernelMountApi kernel_;
  std::vector<std::string> calls_;
  std::size_t step_ = 0;
  At what_ = At::kFail;
};

}  // namespace mosb::verity
