#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/block.h"
#include "verity/geometry.h"
#include "verity/layer.h"
#include "verity/named_device.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// A dm-verity device as it shall be: the whole layer file behind a loop device, geometry and root
/// hash as signed, no error tolerated.
/// Spec: Linux Documentation/admin-guide/device-mapper/verity.rst.
struct VeritySetup {
  /// verity_prefix() of the layer and something that no other device has.
  std::string name;
  /// "/dev/loop3".
  std::string loop;
  Geometry geometry;
  RootHash root_hash;
  Salt salt;
  /// For the kernel to check by its own keyrings.
  std::optional<RootHashSignature> signature = std::nullopt;
};

/// An active device. Removed with the handle; released, the kernel removes it with its last user.
class VerityDevice {
 public:
  /// Errors: kHost without device-mapper, libcryptsetup or dm-verity, where the kernel's keyrings
  /// lack the key of the signature, and with libcryptsetup's words where the kernel refuses it
  /// otherwise; kVerity for a signature that is none of this root hash; kResource.
  static Result<VerityDevice> activate(const VeritySetup& setup);

  VerityDevice(VerityDevice&& other) noexcept;
  VerityDevice& operator=(VerityDevice&& other) noexcept;
  VerityDevice(const VerityDevice&) = delete;
  VerityDevice& operator=(const VerityDevice&) = delete;
  ~VerityDevice();

  /// "/dev/mapper/<name>"; may be gone once the device is released.
  const std::string& path() const { return path_; }
  /// Ends ownership: the device goes with whoever has it open now.
  Status release();

 private:
  VerityDevice(std::string name, std::string path);
  std::string name_;
  std::string path_;
};

/// What the kernel says of a device.
struct VerityFacts {
  /// "254:3".
  std::string device;
  bool read_only = false;
  /// A block failed its check since the device was made.
  bool corrupt = false;
  /// Of its only target; "" if it has another number of them.
  std::string target_type;
  std::uint64_t start_sector = 0;
  std::uint64_t sectors = 0;
  /// What the target was made with, as the kernel prints it.
  std::string table;
  std::string name = {};
  bool operator==(const VerityFacts&) const = default;
};

/// nullopt if there is no device of that name. Errors: kHost.
Result<std::optional<VerityFacts>> read_verity_facts(const std::string& name);
/// The number of the loop device that it reads data and hashes from; nullopt if that is not one
/// loop device. Pure.
std::optional<int> data_loop(const VerityFacts& facts);
/// What the target's status says: "V", and from Linux 6.19 on more words behind it, until a block
/// fails. Pure.
bool is_corrupt_status(const std::string& status);
/// Whether it checks exactly the layer's blocks against its root hash and lets no fault pass. Of
/// the salt only the form counts: with a wrong one no block has the root hash. Made with a
/// signature of the root hash it may be, and must be if the layer has one. Pure.
bool is_table_of(const VerityFacts& facts, const LayerSource& layer);
/// Whether the kernel found a signature of its root hash to be good when the device was made: with
/// any other there is no such device. Pure.
bool has_signed_root_hash(const VerityFacts& facts);

/// Now, or with its last user. Not there is success.
Status remove_verity(const std::string& name);

/// How the names of a layer's devices begin: "mosb-<instance>-<32 digits of the root hash>-".
std::string verity_prefix(const MountEnvironment& environment, const RootHash& root_hash);
/// The name of the device-mapper device "254:3"; nullopt if it is none.
std::optional<std::string> mapper_name(const std::string& device);

/// All that carry the instance's id, also those that have no table yet or lost it. None where
/// device-mapper or its library is missing, or does not answer.
std::vector<NamedDevice> list_verity_devices(const MountEnvironment& environment);

/// "" if this host has device-mapper with the verity target and the libraries, else what is
/// missing. The kernel loads the target's module when asked.
std::string verity_obstacle();

/// Whether the kernel takes root hashes only that are signed for a key in its own keyring
/// (dm_verity.require_signatures). Known once the target's module is loaded.
bool requires_signed_root_hashes();
/// Whether the kernel can check such signatures at all (CONFIG_DM_VERITY_VERIFY_ROOTHASH_SIG).
/// Known once the target's module is loaded.
bool checks_signed_root_hashes();

}  // namespace mosb::verity
