#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "verity/layer_server.h"
#include "verity/loop_device.h"
#include "verity/verity_device.h"

namespace mosb::verity {

/// One parameter of a file system; without a value it is a flag.
struct MountOption {
  std::string name;
  std::string value;
  bool operator==(const MountOption&) const = default;
};

/// A file system to be mounted, as fsopen(2) and fsconfig(2) take it.
struct FilesystemConfig {
  std::string type;
  /// What shows as the mount's source: a device path, or a name.
  std::string source;
  std::vector<MountOption> options;
  /// MOUNT_ATTR_… of fsmount(2).
  std::uint64_t attributes = 0;
};

/// What mount_setattr(2) sets on a detached mount.
struct MountAttributes {
  std::uint64_t set = 0;
  /// A user namespace for MOUNT_ATTR_IDMAP, or -1. Not owned.
  int user_namespace = -1;
};

/// An overlay as mount(2) takes it: layers as one option text of less than a page, because
/// fsconfig(2) cuts values at 256 bytes and `lowerdir+` needs Linux 6.8.
struct OverlayConfig {
  std::string source;
  std::string options;
  /// MS_… of mount(2).
  unsigned long flags = 0;
  /// O_PATH descriptor of the directory to mount on. Not owned.
  int target = -1;
};

/// How hard to unmount.
enum class Unmount {
  /// Refused while in use.
  kIfIdle,
  /// Out of sight now, gone with its last user.
  kDetach,
};

/// Everything that makes or removes a kernel object of a verified mount: the one seam where tests
/// record, fail or die at step N.
class MountApi {
 public:
  MountApi() = default;
  MountApi(const MountApi&) = delete;
  MountApi& operator=(const MountApi&) = delete;
  MountApi(MountApi&&) = delete;
  MountApi& operator=(MountApi&&) = delete;
  virtual ~MountApi() = default;

  /// Whether several threads may call at once. Never true of activate_verity(), whose libraries
  /// cannot.
  virtual bool takes_threads() const { return false; }
  /// A new mount that is attached nowhere; it goes when the descriptor is closed. The error carries
  /// what the kernel logged about it. Needs Linux 5.2.
  virtual Result<UniqueFd> create(const FilesystemConfig& config) = 0;
  /// A detached copy of the mount that `directory` (O_PATH) lies in, from there on, without mounts
  /// below it.
  virtual Result<UniqueFd> clone(int directory) = 0;
  /// On a detached mount. Needs Linux 5.12.
  virtual Status set_attributes(int mount, const MountAttributes& attributes) = 0;
  /// Attaches a detached mount on top of `target` (O_PATH).
  virtual Status attach(int mount, int target) = 0;
  virtual Status mount_overlay(const OverlayConfig& config) = 0;
  /// Errors: kBusy (EBUSY). Nothing mounted there is success. A symlink at the end is not followed.
  virtual Status unmount(const std::string& path, Unmount how) = 0;
  virtual Result<LoopDevice> attach_loop(const LoopSetup& setup) = 0;
  virtual Result<LayerServer> start_server(const ServerSetup& setup) = 0;
  virtual Result<VerityDevice> activate_verity(const VeritySetup& setup) = 0;
};

/// The kernel.
class KernelMountApi final : public MountApi {
 public:
  bool takes_threads() const override { return true; }
  Result<UniqueFd> create(const FilesystemConfig& config) override;
  Result<UniqueFd> clone(int directory) override;
  Status set_attributes(int mount, const MountAttributes& attributes) override;
  Status attach(int mount, int target) override;
  Status mount_overlay(const OverlayConfig& config) override;
  Status unmount(const std::string& path, Unmount how) override;
  Result<LoopDevice> attach_loop(const LoopSetup& setup) override;
  Result<LayerServer> start_server(const ServerSetup& setup) override;
  Result<VerityDevice> activate_verity(const VeritySetup& setup) override;
};

}  // namespace mosb::verity
